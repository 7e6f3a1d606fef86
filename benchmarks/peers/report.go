package peers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// MemoryLine asks a server for its memory, too.
const MemoryLine = "memory"

// AddressPrefix starts the line with the address of a server. Lines before it are of frameworks.
const AddressPrefix = "serving "

// Report prints the address of a server, and then what this process has used whenever it reads a
// line. It returns at the end of the input: then the server stops.
func Report(addr string, in io.Reader, out io.Writer) error {
	if _, err := fmt.Fprintln(out, AddressPrefix+addr); err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		now, err := Used()
		if err != nil {
			return err
		}
		if lines.Text() == MemoryLine {
			now.Memory = Memory()
		}
		if err := encoder.Encode(now); err != nil {
			return err
		}
	}
	return lines.Err()
}
