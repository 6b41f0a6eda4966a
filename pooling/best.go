package pooling

func searchBest(f *fields) (any, error) { return nil, nil }
