package bolt

// Steps has f hear of each step of the purges of an archive.
func (d *DB) Steps(f func(step string)) { d.steps = f }
