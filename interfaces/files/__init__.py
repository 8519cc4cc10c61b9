"""The door for tools that work with files: capacity files, registrations, offers, results."""
