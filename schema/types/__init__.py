"""The types of the contract, with the queries of each noun."""
