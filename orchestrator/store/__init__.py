"""What is remembered: transactions as plain functions over portable SQL.

``await store.of(account).run(fn, *args)`` runs ``fn(tx, *args)`` in one transaction on the one writer thread. A
function that runs in a transaction cannot await, so it cannot hold one across the network.
"""

from .database import AccountStore, Store

__all__ = ["AccountStore", "Store"]
