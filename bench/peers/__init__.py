"""The other systems: the controller's side (``*_peer``) and the programs that run in their environments."""
