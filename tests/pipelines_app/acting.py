"""An action of these tests: writes down its orders, and fails as it is told."""

ORDERS = []
FAULTS = []


def act(order):
    """Takes the order, then fails with the next fault if there is one."""
    ORDERS.append(order)
    if FAULTS:
        raise FAULTS.pop(0)
    return f"paid {order.parameters.get('amount', 'nothing')}"


def forget():
    """As if nothing had happened."""
    ORDERS.clear()
    FAULTS.clear()
