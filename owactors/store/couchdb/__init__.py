"""The store in an Apache CouchDB, with documents, ids and views as OpenWhisk has them: both can use one database.

Belongs here: the HTTP client for the server, its design documents, the back end of the store ports.
Does not: what records and summaries look like (`owactors.store.record`, `owactors.store.views`).
"""
