"""Values and tools without a place in the domain: errors, time, ids, limits, strict JSON, the network guard."""
