"""The mutations of the contract, with their inputs and payloads."""
