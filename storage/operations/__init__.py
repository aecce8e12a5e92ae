"""Operations, and the outbox of jobs behind them."""
