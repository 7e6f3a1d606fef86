package apidoc

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// patternFacts are the rules of each pattern.
var patternFacts = []struct {
	topic string
	say   func(*builder, call) []markup.Text
}{
	{"Pages", (*builder).pages},
	{"Batch", (*builder).batch},
	{"Operation", (*builder).operation},
	{"Operation", (*builder).getter},
	{"Search", (*builder).search},
	{"Subscription", (*builder).subscription},
	{"Upload", (*builder).upload},
	{"Items", (*builder).bulk},
	{"First request", (*builder).handshake},
	{"Room", (*builder).room},
}

// found holds the fields that a pattern found.
type found map[string]any

// path returns the path of a field, or "".
func (f found) path(name string) string {
	text, _ := f[name].(string)
	return text
}

// code returns the path of a field as code.
func (f found) code(name string) markup.Span { return markup.Code(f.path(name)) }

// lines collects the lines of a fact.
type lines []markup.Text

func (l *lines) say(parts ...any) { *l = append(*l, markup.Say(parts...)) }

func (b *builder) pages(c call) []markup.Text {
	p, f := c.Policy.Page, found(fieldsOf(c, "page"))
	if p.MaxSize == 0 {
		return nil
	}
	var l lines
	if f.path("size") != "" {
		l.say(f.code("size"), " is the most items of a page: ", count(int64(p.DefaultSize)), " if it is 0, and at most ",
			count(int64(p.MaxSize)), "; larger sizes are reduced.")
	} else {
		l.say("A page has at most ", count(int64(p.DefaultSize)), " items.")
	}
	if f.path("token") != "" {
		next := f.path("next_token")
		l.say("For the next page, send the request again with ", f.code("token"), " set to ", markup.Code(next),
			" of the response, until that is empty. A page can have fewer items than asked for.")
		free := []string{f.path("token")}
		for _, name := range []string{"size", "skip"} {
			if f.path(name) != "" {
				free = append(free, f.path(name))
			}
		}
		if vary, ok := f["vary"].([]string); ok {
			free = append(free, vary...)
		}
		l.say("All other fields must be as for the first page; only ", markup.Codes(free, "and"), " may differ.")
		if p.TokenTTL > 0 {
			l.say("A token is valid for ", duration(p.TokenTTL), ", for this RPC alone. It means nothing to callers.")
		} else {
			l.say("A token is valid for this RPC alone, and does not expire. It means nothing to callers.")
		}
	}
	if f.path("skip") != "" {
		l.say(f.code("skip"), " is how many items to skip.")
	}
	if f.path("total") != "" {
		l.say(f.code("total"), " counts the items of all pages.")
	}
	return l
}

func (b *builder) batch(c call) []markup.Text {
	p, f := c.Policy.Batch, found(fieldsOf(c, "batch"))
	children := f.path("children")
	if children == "" {
		children = found(fieldsOf(c, "operation")).path("children")
	}
	if p.MaxSize == 0 {
		return nil
	}
	var l lines
	least := "1 to "
	if p.AllowEmpty {
		least = "0 to "
	}
	l.say(markup.Code(children), " has ", least, count(int64(p.MaxSize)), " items.")
	switch f.path("mode") {
	case "ordered":
		l.say("All items succeed or the call fails. The results in ", f.code("results"), " are in the order of the items.")
	case "done":
		l.say("All items succeed or the call fails.")
	case "keyed":
		l.say("The results in ", f.code("results"), " have the items as keys. An item that does not exist does not fail the call.")
	case "per_item":
		l.say("Each item has its own result or error in ", f.code("results"), ", in the order of the items.")
	}
	if f.path("missing") != "" {
		l.say(f.code("missing"), " has the items that do not exist.")
	}
	if single := f.path("single"); single != "" {
		ref := markup.Span{Text: single, IsCode: true, Ref: c.service.FullName + "." + single}
		if p.OwnPolicy {
			l.say("Each item is processed as by ", ref, ", with the policy of the batch.")
		} else {
			l.say("Each item is a request of ", ref, ": the caller needs its scopes too, and its rules apply to each item.")
		}
	}
	return l
}

func (b *builder) operation(c call) []markup.Text {
	p, f := c.Policy.Operation, found(fieldsOf(c, "operation"))
	if p.Lease == 0 {
		return nil
	}
	var l lines
	l.say("The RPC returns an operation at once, which runs on. ", markup.Code("done"), " is true when it has ended.")
	if name := f.path("response_type"); name != "" {
		l.say("Its result is a ", b.ref(name), ".")
	}
	if name := f.path("metadata_type"); name != "" {
		l.say("Its metadata is a ", b.ref(name), ", which shows the progress.")
	}
	if get := b.getterOf(c); get != "" {
		l.say("Get it with ", markup.Span{Text: get, IsCode: true, Ref: c.service.FullName + "." + get},
			" or ", markup.Code("google.longrunning.Operations"), ", which also waits and cancels.")
	} else {
		l.say("Get, wait for and cancel it with ", markup.Code("google.longrunning.Operations"), ".")
	}
	if p.Timeout > 0 {
		l.say("It runs for at most ", duration(p.Timeout), ".")
	}
	if p.MaxAttempts > 0 {
		l.say("If a server fails, another one continues: ", plural(p.MaxAttempts, "attempt"), " in all.")
	}
	if p.Retain > 0 {
		l.say("It is available for ", duration(p.Retain), " after its end.")
	}
	if key := f.path("conflict_key"); key != "" {
		l.say("One operation runs at a time for each value of ", markup.Code(key), ". ", map[policy.OnConflict]string{
			policy.AbortOnConflict:   "The second is rejected.",
			policy.QueueOnConflict:   "The second waits for the first.",
			policy.PreemptOnConflict: "The second cancels the first if the same principal started it, and is rejected otherwise.",
		}[p.OnConflict])
	}
	if f.path("validate_only") != "" {
		l.say("With ", f.code("validate_only"), ", the request is only checked.")
	}
	if f.path("failed_requests") != "" {
		l.say("Items that fail are in ", f.code("failed_requests"), " of the metadata, by their index; the others go on.")
	}
	return l
}

// getterOf returns the name of the RPC of the same service that returns operations, or "".
func (b *builder) getterOf(c call) string {
	for _, other := range b.calls {
		if other.service.FullName == c.service.FullName && fieldsOf(other, "operation_get") != nil {
			return other.Name
		}
	}
	return ""
}

func (b *builder) getter(c call) []markup.Text {
	f := found(fieldsOf(c, "operation_get"))
	if f == nil {
		return nil
	}
	var l lines
	l.say("Returns the operation ", f.code("name"), ", if the caller has started it.")
	return l
}

func (b *builder) search(c call) []markup.Text {
	p, f := c.Policy.Search, found(fieldsOf(c, "search"))
	if p.PackItems == 0 {
		return nil
	}
	var l lines
	switch limit := f.path("limit"); {
	case limit != "" && p.MaxLimit > 0:
		l.say(markup.Code(limit), " is the most results: all up to ", count(int64(p.MaxLimit)), " if it is 0, and never more.")
	case limit != "":
		l.say(markup.Code(limit), " is the most results; all if it is 0.")
	case p.MaxLimit > 0:
		l.say("A search has at most ", count(int64(p.MaxLimit)), " results.")
	}
	if f.path("items") != "" {
		l.say("A response has several results in ", f.code("items"), ": at most ", count(int64(p.PackItems)), ", or ", size(p.PackBytes), ".")
	}
	l.say("The stream ends after the last result.")
	return l
}

func (b *builder) subscription(c call) []markup.Text {
	p, f := c.Policy.Subscription, found(fieldsOf(c, "subscription"))
	if p.MaxLines == 0 {
		return nil
	}
	var l lines
	if f.path("position") != "" {
		l.say("To resume, send ", f.code("next_position"), " of the last response in ", f.code("position"),
			". No event is lost or repeated while the server has those after it.")
	}
	if f.path("since") != "" {
		l.say(f.code("since"), " starts with the first event from that time on.")
	}
	if f.path("lines") != "" {
		l.say(f.code("lines"), " is how many past lines to start with, at most ", count(int64(p.MaxLines)), ".")
	}
	if f.path("types") != "" {
		l.say(f.code("types"), " selects events by ", f.code("type"), "; empty means all.")
	}
	if f.path("level") != "" {
		l.say(f.code("level"), " is the lowest level of ", f.code("entry_level"), "; empty means all.")
	}
	if f.path("next_position") != "" && p.Heartbeat > 0 {
		l.say("With the metadata ", markup.Code("grpcservice-marks: 1"), ", a silent stream sends a message with the position alone every ",
			duration(p.Heartbeat), ".")
	}
	return l
}

func (b *builder) upload(c call) []markup.Text {
	p, f := c.Policy.Upload, found(fieldsOf(c, "upload"))
	if p.MaxFiles == 0 {
		return nil
	}
	var l lines
	if f.path("header") != "" {
		l.say("A request with ", f.code("header"), " starts a file; its content follows in ", f.code("data"), ".")
	} else {
		l.say("Each request has a chunk of a file in ", f.code("data"), ". A file ends where another ", f.code("name"), " starts.")
	}
	if f.path("number") != "" {
		l.say(f.code("number"), " counts the chunks of a file.")
	}
	if f.path("offset") != "" {
		l.say(f.code("offset"), " is where the chunk starts in its file.")
	}
	if f.path("size") != "" {
		l.say(f.code("size"), " is the size of the file, which the server compares.")
	}
	if f.path("checksum") != "" {
		l.say(f.code("checksum"), " is compared with the content.")
	}
	if f.path("finish") != "" {
		l.say(f.code("finish"), " marks the last chunk of a file.")
	}
	limits := []string{"at most " + plural(p.MaxFiles, "file")}
	if p.MaxFileBytes > 0 {
		limits = append(limits, size(p.MaxFileBytes)+" each")
	}
	if p.MaxTotalBytes > 0 {
		limits = append(limits, size(p.MaxTotalBytes)+" in all")
	}
	l.say("A call has " + strings.Join(limits, ", ") + ".")
	return l
}

func (b *builder) bulk(c call) []markup.Text {
	p := c.Policy.Bulk
	if p.Concurrency == 0 {
		return nil
	}
	var l lines
	l.say("Each request is an item; the server processes ", strconv.Itoa(p.Concurrency), " at a time. An item that fails does not fail the others.")
	if p.MaxItems > 0 {
		l.say("A call has at most ", count(int64(p.MaxItems)), " items.")
	}
	if p.MaxFailures > 0 {
		l.say("After ", plural(p.MaxFailures, "failure"), ", one more ends the call.")
	}
	return l
}

func (b *builder) handshake(c call) []markup.Text {
	p, f := c.Policy.Handshake, found(fieldsOf(c, "handshake"))
	if p.Timeout == 0 {
		return nil
	}
	var l lines
	l.say("The first request must have ", f.code("arm"), ", and no later one may.")
	if p.Timeout > 0 {
		l.say("It must arrive within ", duration(p.Timeout), ".")
	}
	return l
}

func (b *builder) room(c call) []markup.Text {
	p, f := c.Policy.Room, found(fieldsOf(c, "room"))
	if p.Queue == 0 {
		return nil
	}
	var l lines
	l.say(f.code("key"), " of the first request names the room. Later requests have the same or none.")
	l.say("A member that reads slowly has a queue of ", plural(p.Queue, "message"), " and ", size(p.QueueBytes), ". ",
		map[policy.Slow]string{
			policy.DisconnectSlow: "If more would have to wait, its call fails.",
			policy.DropOldest:     "If more would have to wait, the oldest are dropped.",
			policy.DropNewest:     "If more would have to wait, the new message is dropped.",
			policy.BlockOnSlow:    "If more would have to wait, the room waits for it for a while; then its call fails.",
		}[p.Slow])
	return l
}

// ref returns a span that refers to a message.
func (b *builder) ref(name string) markup.Span {
	full := protoreflect.FullName(name)
	if isWellKnown(full) {
		return markup.Span{Text: name, IsCode: true, URL: urlOf(full)}
	}
	return markup.Span{Text: b.nameOf(full), IsCode: true, Ref: name}
}
