package conform

import (
	"bufio"
	"bytes"
	stdhtml "html"

	"github.com/yuin/goldmark/renderer/html"
)

// visible returns a text of Markdown without its backslashes and entities, as a page shows it.
func visible(source []byte) []byte {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	html.DefaultWriter.Write(w, source)
	_ = w.Flush()
	return []byte(stdhtml.UnescapeString(b.String()))
}
