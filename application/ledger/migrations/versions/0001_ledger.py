"""The ledger: events in the library's layout, groups, kept replies, snapshots."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQLITE = (
    # The library's layout; the row id is the position.
    """
    CREATE TABLE stored_events (
        originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB,
        PRIMARY KEY (originator_id, originator_version))
    """,
    """
    CREATE TABLE snapshots (
        originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB,
        PRIMARY KEY (originator_id, originator_version)) WITHOUT ROWID
    """,
    """
    CREATE TABLE append_groups (
        position INTEGER PRIMARY KEY, recorded_at_us INTEGER NOT NULL)
    """,
    "CREATE INDEX append_groups_recorded_at ON append_groups (recorded_at_us, position)",
    """
    CREATE TABLE replies (
        key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, status INTEGER NOT NULL,
        body BLOB NOT NULL, position INTEGER NOT NULL, kept_at_us INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX replies_kept_at ON replies (kept_at_us)",
    """
    CREATE VIEW events_readable AS
    SELECT rowid AS position, originator_id, originator_version, topic,
        json_extract(state, '$.provenance.actor') AS actor,
        json_extract(state, '$.provenance.reason') AS reason,
        json_extract(state, '$.provenance.recorded_at') AS recorded_at,
        CAST(state AS TEXT) AS state
    FROM stored_events
    """,
)

POSTGRES = (
    # A vacuum and an append keep each other waiting, and rows that never change need few: these
    # are the library's own settings. docs/running.md says what to do by hand.
    # The library's layout, index and composite type, so that its recorders can read here too.
    """
    CREATE TABLE stored_events (
        originator_id uuid NOT NULL, originator_version bigint NOT NULL,
        topic text, state bytea, notification_id bigserial,
        PRIMARY KEY (originator_id, originator_version))
    WITH (autovacuum_vacuum_threshold = 100000000,
        autovacuum_vacuum_insert_threshold = 100000000)
    """,
    "CREATE UNIQUE INDEX stored_events_notification_id_idx ON stored_events (notification_id)",
    """
    CREATE TYPE stored_event_uuid AS (
        originator_id uuid, originator_version bigint, topic text, state bytea)
    """,
    """
    CREATE TABLE snapshots (
        originator_id uuid NOT NULL, originator_version bigint NOT NULL,
        topic text, state bytea, PRIMARY KEY (originator_id, originator_version))
    """,
    "CREATE TABLE append_groups (position bigint PRIMARY KEY, recorded_at_us bigint NOT NULL)",
    "CREATE INDEX append_groups_recorded_at ON append_groups (recorded_at_us, position)",
    """
    CREATE TABLE replies (
        key text PRIMARY KEY, fingerprint bytea NOT NULL, status integer NOT NULL,
        body bytea NOT NULL, position bigint NOT NULL, kept_at_us bigint NOT NULL)
    """,
    "CREATE INDEX replies_kept_at ON replies (kept_at_us)",
    # 40001 is serialization_failure: what was read is not the newest any more.
    # The driver takes one of the two % away.
    """
    CREATE FUNCTION confirm_versions(read_ids uuid[], read_versions bigint[]) RETURNS bigint
    LANGUAGE plpgsql AS $$
    DECLARE
        moved uuid;
    BEGIN
        SELECT seen.id INTO moved FROM unnest(read_ids, read_versions) AS seen (id, version)
        WHERE EXISTS (
            SELECT 1 FROM stored_events AS event
            WHERE event.originator_id = seen.id AND event.originator_version > seen.version
        ) LIMIT 1;
        IF moved IS NOT NULL THEN
            RAISE EXCEPTION '%% has moved on', moved USING ERRCODE = '40001';
        END IF;
        RETURN coalesce((SELECT max(notification_id) FROM stored_events), 0);
    END $$
    """,
    # The order guarantee: the lock is taken before the first position is drawn and held until
    # the commit, so positions become visible in their order and a gap is never filled later.
    """
    CREATE FUNCTION append_events(
        ids uuid[], versions bigint[], topics text[], states bytea[],
        read_ids uuid[], read_versions bigint[], recorded_us bigint,
        keys text[], fingerprints bytea[], statuses integer[], bodies bytea[],
        event_counts integer[]
    ) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        base bigint;
        newest bigint;
    BEGIN
        LOCK TABLE stored_events IN EXCLUSIVE MODE;
        IF cardinality(read_ids) > 0 THEN
            PERFORM confirm_versions(read_ids, read_versions);
        END IF;
        IF cardinality(ids) > 0 THEN
            WITH inserted AS (
                INSERT INTO stored_events (originator_id, originator_version, topic, state)
                SELECT * FROM unnest(ids, versions, topics, states)
                RETURNING notification_id
            )
            SELECT min(notification_id) - 1, max(notification_id) INTO base, newest FROM inserted;
            INSERT INTO append_groups (position, recorded_at_us) VALUES (newest, greatest(
                recorded_us,
                (SELECT recorded_at_us FROM append_groups ORDER BY position DESC LIMIT 1)));
            PERFORM pg_notify('stored_events', newest::text);
        ELSE
            base := coalesce((SELECT max(notification_id) FROM stored_events), 0);
        END IF;
        IF cardinality(keys) > 0 THEN
            INSERT INTO replies (key, fingerprint, status, body, position, kept_at_us)
            SELECT kept.key, kept.fingerprint, kept.status, kept.body,
                base + kept.event_count, recorded_us
            FROM unnest(keys, fingerprints, statuses, bodies, event_counts)
                AS kept (key, fingerprint, status, body, event_count);
        END IF;
        RETURN base;
    END $$
    """,
    """
    CREATE VIEW events_readable AS
    SELECT notification_id AS position, originator_id, originator_version, topic,
        document #>> '{provenance,actor}' AS actor,
        document #>> '{provenance,reason}' AS reason,
        (document #>> '{provenance,recorded_at}')::timestamptz AS recorded_at,
        document AS state
    FROM (
        SELECT *, convert_from(state, 'UTF8')::json AS document FROM stored_events
    ) AS decoded
    """,
)


def upgrade() -> None:
    """Create the ledger."""
    dialect = op.get_context().dialect.name
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRES}[dialect]:
        op.get_bind().exec_driver_sql(statement)
