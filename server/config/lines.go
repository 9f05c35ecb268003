package config

// Line is a knob's value as a line of the configuration file would give it.
type Line struct {
	Key     string
	Value   string
	Default string
}

// Lines returns the value of every knob, in the order of the help. None is a
// secret: those are in files, and only their names are knobs.
func (c Config) Lines() []Line {
	var lines []Line
	for _, k := range knobs(&c) {
		lines = append(lines, Line{k.name, k.value.String(), k.def})
	}
	return lines
}
