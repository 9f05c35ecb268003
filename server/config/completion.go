package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// shells are those that [Completion] has a script for.
var shells = []string{"bash", "zsh", "fish"}

// Completion is the subcommand completion: it writes the script by which a shell
// completes commands, flags and the values of those that have few. It returns the
// exit status.
func Completion(args []string, stdout, stderr io.Writer) int {
	name := strings.Join(args, " ")
	var b bytes.Buffer
	switch name {
	case "bash":
		bash(&b)
	case "zsh":
		b.WriteString("#compdef hotpath\nautoload -U +X bashcompinit && bashcompinit\n")
		bash(&b)
	case "fish":
		fish(&b)
	default:
		WriteError(stderr, &Error{"argument", "completion", name, "is no shell that there are completions for", meant(strings.Join(shells, ", "), suggest.Nearest(name, shells))})
		return 2
	}
	if _, err := stdout.Write(b.Bytes()); err != nil {
		return 1
	}
	return 0
}

// few are the values of a setting that has few; isFile is whether they are files.
func few(v value) (values []string, isFile bool) {
	switch v := v.(type) {
	case *choice:
		return v.of, false
	case *level:
		return v.edges(), false
	case *toggle:
		return v.edges(), false
	case *text, *file:
		return nil, true
	}
	return nil, false
}

func bash(b *bytes.Buffer) {
	c := Default()
	var flags, commands []string
	for _, k := range settings(&c) {
		flags = append(flags, "-"+k.name)
	}
	for _, command := range Commands {
		commands = append(commands, command.Name)
	}
	b.WriteString("_hotpath() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n\tcase $before in\n")
	for _, k := range settings(&c) {
		values, isFile := few(k.value)
		switch {
		case isFile:
			fmt.Fprintf(b, "\t-%s|--%[1]s) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", k.name)
		case values != nil:
			fmt.Fprintf(b, "\t-%s|--%[1]s) COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n", k.name, strings.Join(values, " "))
		}
	}
	fmt.Fprintf(b, "\tcompletion) COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n\tesac\n", strings.Join(shells, " "))
	fmt.Fprintf(b, "\tif [[ $COMP_CWORD == 1 && $word != -* ]]; then\n\t\tCOMPREPLY=($(compgen -W '%s' -- \"$word\"))\n\telse\n\t\tCOMPREPLY=($(compgen -W '%s' -- \"$word\"))\n\tfi\n}\ncomplete -o filenames -F _hotpath hotpath\n",
		strings.Join(commands, " "), strings.Join(flags, " "))
}

func fish(b *bytes.Buffer) {
	c := Default()
	b.WriteString("complete -c hotpath -f\n")
	for _, command := range Commands {
		fmt.Fprintf(b, "complete -c hotpath -n __fish_use_subcommand -a %s -d %s\n", command.Name, quoted(command.Does))
	}
	fmt.Fprintf(b, "complete -c hotpath -n '__fish_seen_subcommand_from completion' -a '%s'\n", strings.Join(shells, " "))
	for _, k := range settings(&c) {
		values, isFile := few(k.value)
		fmt.Fprintf(b, "complete -c hotpath -o %s", k.name)
		switch {
		case isFile:
			b.WriteString(" -r -F")
		case values != nil:
			fmt.Fprintf(b, " -x -a '%s'", strings.Join(values, " "))
		default:
			b.WriteString(" -x")
		}
		fmt.Fprintf(b, " -d %s\n", quoted(sentence(plain(k.help))))
	}
}

// quoted is a text as fish has it.
func quoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// sentence is the first sentence of a text.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(first, ".")
}
