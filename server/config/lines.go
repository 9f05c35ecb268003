package config

// Line is a setting's value as a line of the configuration file would give it.
type Line struct {
	Key     string // of a site's: sites[0].root
	Value   string
	Default string
}

// Lines returns the value of every knob, in the order of the help, and what the
// sites of the file have set. None is a secret: those are in files, and only
// their names are settings.
func (c Config) Lines() []Line {
	var lines []Line
	for _, k := range knobs(&c) {
		lines = append(lines, Line{k.name, k.value.String(), k.def})
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		for _, k := range siteKnobs(s) {
			if s.where[k.name] != "" {
				lines = append(lines, Line{s.name + "." + k.name, k.value.String(), k.def})
			}
		}
	}
	return lines
}
