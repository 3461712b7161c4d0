"""dispatch/statuses.py spelled out once more, on its own: a change of one of them alone has to be argued for here."""

MAY_BECOME = {
    "scheduled": {"pending", "cancelled"},
    "pending": {"assigned", "cancelled"},
    "assigned": {
        "pending",
        "assigned",
        "to_restaurant",
        "driver_at_restaurant",
        "picked_up",
        "cancelled",
        "failed",
    },
    "to_restaurant": {"pending", "assigned", "driver_at_restaurant", "picked_up", "cancelled", "failed"},
    "driver_at_restaurant": {"pending", "assigned", "picked_up", "cancelled", "failed"},
    "picked_up": {"driver_nearby", "delivered", "cancelled", "failed"},
    "driver_nearby": {"delivered", "cancelled", "failed"},
    "delivered": set(),
    "cancelled": set(),
    "failed": set(),
}
#: And by taking back an arrival that was none, or by undoing an automatic pickup, which nothing else may do.
ARRIVAL_MAY_GO_BACK_TO = {"driver_at_restaurant": {"to_restaurant"}}
#: What a driver says late of an order that was cancelled meanwhile.
WAS_SO_ALREADY = {"cancelled": {"delivered"}}
MAY_GO_BACK_TO = {
    "picked_up": {"assigned", "to_restaurant", "driver_at_restaurant"},
    "driver_nearby": {"assigned", "to_restaurant", "driver_at_restaurant"},
}
#: With the food under way, when another driver takes it over: a dispatcher wants that, and the new driver says so.
HANDED_ON = {"picked_up": {"picked_up"}, "driver_nearby": {"picked_up"}}
#: What a dispatcher believes of what a driver said late.
AS_THE_DRIVER_SAYS = {
    "pending": {"picked_up", "delivered", "failed"},
    "assigned": {"delivered"},
    "to_restaurant": {"delivered"},
    "driver_at_restaurant": {"delivered"},
    "picked_up": set(),
    "driver_nearby": set(),
    "delivered": {"failed"},
    "cancelled": {"delivered"},
    "failed": {"delivered"},
}
LIFE = [
    "pending",
    "assigned",
    "to_restaurant",
    "driver_at_restaurant",
    "picked_up",
    "driver_nearby",
    "delivered",
]
