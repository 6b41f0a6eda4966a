package pooling

// Mix is a pool that is going to be made: its name and those of its members.
type Mix struct {
	Name    string
	Kind    Kind
	Members []string
}

// Allowed sizes; 0 refuses the kind altogether: no validated entry, no pool.
type Allowed struct {
	Validated map[Kind]int // largest validated n per kind; covers every smaller n
	Capacity  int          // of the tube or well, 0 = no limit of its own
}

// CheckBatch refuses pools that must not be made: empty, a member named twice, a
// person in two pools, a pool inside a pool, more than validated or than fits.
func CheckBatch(pools []Mix, a Allowed) error {
	names := make(map[string]bool, len(pools))
	for _, p := range pools {
		if names[p.Name] {
			return refuse(Duplicate, "pool %q is named twice", p.Name)
		}
		names[p.Name] = true
	}
	home := map[string]string{}
	for _, p := range pools {
		n := len(p.Members)
		switch {
		case n == 0:
			return refuse(EmptyPool, "pool %q has no members", p.Name)
		case a.Capacity > 0 && n > a.Capacity:
			return refuse(OverCapacity, "pool %q: %d members: the tube holds %d", p.Name, n, a.Capacity)
		case n > 1 && n > a.Validated[p.Kind]:
			return refuse(OverValid, "pool %q: %d members: %d validated for %s", p.Name, n, a.Validated[p.Kind], p.Kind)
		}
		for _, m := range p.Members {
			if names[m] {
				return refuse(PoolOfPools, "pool %q: member %q is a pool", p.Name, m)
			}
			if other, ok := home[m]; ok {
				if other == p.Name {
					return refuse(Duplicate, "pool %q: member %q is named twice", p.Name, m)
				}
				return refuse(TwoPools, "member %q is in pools %q and %q", m, other, p.Name)
			}
			home[m] = p.Name
		}
	}
	return nil
}
