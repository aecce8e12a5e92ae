"""The object types of the schema, with the queries of each noun."""
