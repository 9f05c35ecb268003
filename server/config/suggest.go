package config

import (
	"slices"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// suggestKey completes "allowed: " for a name that is no setting's: the nearest
// one, if it is near enough to be a slip of the hand.
func suggestKey(name string) string {
	return meant("the keys that -h lists", suggest.Nearest(name, settingNames()))
}

// suggestFlag is suggestKey for the name of a flag: a command has no dash.
func suggestFlag(name string) string {
	if isCommand(name) {
		return meant("the keys that -h lists", "hotpath "+name)
	}
	return suggestKey(name)
}

func isCommand(name string) bool {
	return slices.ContainsFunc(Commands, func(c Command) bool { return c.Name == name })
}

// settingNames are the names of all settings.
func settingNames() []string {
	var c Config
	var names []string
	for _, k := range settings(&c) {
		names = append(names, k.name)
	}
	return names
}
