package replay

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/e0ac7cd4/hotpath/cache/simulate/policy"
	"github.com/e0ac7cd4/hotpath/cache/simulate/trace"
)

// Command is the simulator's command line: args are without the program's name.
func Command(args []string, in io.Reader, out io.Writer, policies []policy.Named) error {
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "of the generated traces")
	file := flags.String("trace", "", "a published trace in place of generated ones; - is the standard input")
	format := flags.String("format", "oracle", "of the trace: "+trace.Formats)
	object := flags.Int("object", 2, "column of the object in csv")
	size := flags.Int("size", 3, "column of its size in csv")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("argument %q: allowed are flags alone", flags.Arg(0))
	}
	if *file != "" {
		t, err := open(in, *file, *format, *object, *size)
		if err != nil {
			return fmt.Errorf("trace %s: %w", *file, err)
		}
		return Table(out, t, policies)
	}
	fmt.Fprintf(out, "Objects hit and bytes hit, %%; seed %d.\n\n", *seed)
	generated := trace.Generated(*seed)
	for _, t := range generated {
		if err := Table(out, t, policies); err != nil {
			return err
		}
	}
	return Scan(out, generated[0], policies)
}

func open(in io.Reader, name, format string, object, size int) (trace.Trace, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return trace.Trace{}, err
		}
		defer f.Close()
		in = f
	}
	requests, err := trace.Read(in, format, object, size)
	if err == nil && len(requests) == 0 {
		err = fmt.Errorf("no requests in it")
	}
	return trace.Trace{Name: name, About: format, Requests: requests}, err
}
