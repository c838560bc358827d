"""How often, how long and how many: each policy is asked before a call and told after it."""
