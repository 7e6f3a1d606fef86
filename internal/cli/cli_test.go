package cli_test

import (
	"flag"
	"testing"

	"github.com/grpcservice/grpcservice/internal/cli"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args []string
		dir  string
		loud bool
		err  string
	}{
		{nil, ".", false, ""},
		{[]string{"a"}, "a", false, ""},
		{[]string{"--loud", "a"}, "a", true, ""},
		{[]string{"a", "-loud"}, "a", true, ""},
		{[]string{"--", "-a"}, "-a", false, ""},
		{[]string{"a", "--loud", "b"}, "", true, `2 directories ["a" "b"]; name one`},
		{[]string{"--quiet"}, "", false, "flag provided but not defined: -quiet"},
		{[]string{"a", "-h"}, "", false, flag.ErrHelp.Error()},
	} {
		flags := flag.NewFlagSet("command", flag.ContinueOnError)
		loud := flags.Bool("loud", false, "")
		dir, err := cli.Parse(flags, test.args)
		if dir != test.dir || *loud != test.loud || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
			t.Errorf("%q: got %q, %v, %v; want %q, %v, %q", test.args, dir, *loud, err, test.dir, test.loud, test.err)
		}
	}
}
