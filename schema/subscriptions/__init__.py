"""The subscriptions of the contract."""
