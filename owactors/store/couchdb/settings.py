"""Where the CouchDB is, and how its databases are called."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

from attrs import field, frozen


@frozen
class CouchSettings:
    """`url` without name and password; `prefix` begins the names of those databases that have no name of their own."""

    url: str = "http://127.0.0.1:5984"
    username: str = ""
    password: str = field(default="", repr=False)
    prefix: str = "whisk_local_"
    entities_database: str = ""
    subjects_database: str = ""
    activations_database: str = ""
    #: seconds that one exchange with the server may take; views may take longer, since they may have to be built
    timeout: float = 10.0
    view_timeout: float = 60.0
    #: who accepts calls: `unfinished` leaves out those of other owners, who may still be at work on them; None: nobody
    owner: str | None = None
    #: seconds that a call goes on trying while the server is away; once that is known, calls fail at once
    patience: float = 2.0

    @classmethod
    def of(cls, url: str, username: str = "", password: str = "", prefix: str = "whisk_local_") -> CouchSettings:
        """Name and password may also stand in the URL. ValueError: not the URL of a server."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(f"{url!r} is not the URL of a CouchDB, such as http://127.0.0.1:5984")
        host = parts.netloc.rpartition("@")[2]
        return cls(
            urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")),
            username or unquote(parts.username or ""),
            password or unquote(parts.password or ""),
            prefix,
        )

    @property
    def entities(self) -> str:
        """Name of the database of actions, packages, triggers and rules."""
        return self.entities_database or f"{self.prefix}whisks"

    @property
    def subjects(self) -> str:
        """Name of the database of subjects and limits."""
        return self.subjects_database or f"{self.prefix}subjects"

    @property
    def activations(self) -> str:
        """Name of the database of activation records and acceptances."""
        return self.activations_database or f"{self.prefix}activations"
