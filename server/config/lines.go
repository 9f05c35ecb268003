package config

import "github.com/e0ac7cd4/hotpath/internal/yield"

// Lines returns the value of every setting, in the order of the help, and what the
// sites of the file have set. None is a secret: those are in files, and only
// their names are settings.
func (c Config) Lines() []Line {
	var lines []Line
	for _, k := range settings(&c) {
		lines = append(lines, Line{Key: k.name, Value: k.value.String(), Default: k.def})
	}
	for i := range c.Sites {
		yield.InLoop()
		s := &c.Sites[i]
		for _, k := range siteSettings(s) {
			if s.where[k.name] != "" {
				lines = append(lines, Line{Key: s.name + "." + k.name, Value: k.value.String(), Default: k.def})
			}
		}
	}
	return lines
}
