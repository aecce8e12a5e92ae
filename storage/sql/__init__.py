"""Building blocks of SQL statements: filters, pages, visibility, and ids as one parameter."""
