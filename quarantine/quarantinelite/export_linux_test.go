package quarantinelite

// RefuseType judges a directory by its file system, and classifies as Open does.
func RefuseType(dir string, magic int64) error { return classify("open", refuseType(dir, magic)) }
