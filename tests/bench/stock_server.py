"""A plain FastAPI endpoint over the stock library, as its manual shows it: load, decide, save."""

import argparse
import os
from uuid import UUID

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from tests.bench.stock import StockBookings, StockCapacity, booking


class BookingRequest(BaseModel):
    registration_id: str
    supplier_id: str


def create_app(suppliers: int = 1_000) -> FastAPI:
    """Return the application, with its suppliers opened."""
    bookings = StockBookings(env=os.environ)
    ids: dict[str, UUID] = {each.supplier: each.id for each in bookings.open(suppliers)}
    app = FastAPI()

    @app.post("/bookings")
    def book(request: BookingRequest) -> dict[str, str]:
        capacity: StockCapacity = bookings.repository.get(ids[request.supplier_id])
        held = booking(request.supplier_id, request.registration_id)
        capacity.book_slot(held.id, held.registration_id, "bench", "measuring")
        bookings.save(capacity, held)
        return {"registration_id": request.registration_id, "status": "booked"}

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(create_app(), port=parser.parse_args().port, log_level="critical")
