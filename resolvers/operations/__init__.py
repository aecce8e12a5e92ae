"""Operations: how each is recorded, attempted, postponed and followed."""
