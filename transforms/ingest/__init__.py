"""Raw files to canonical rows: readers yield records, adapters turn records into rows."""
