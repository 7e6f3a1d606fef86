package apidoc

import "strconv"

// Diagram shows services, their RPCs, and which RPCs refer to each other. It has the coordinates of
// its parts in pixels.
type Diagram struct {
	Width, Height int
	Caller        Box
	Services      []DiagramService
	Links         []Link
}

// Box is a rectangle.
type Box struct{ X, Y, Width, Height int }

// Right returns the x of the right side.
func (b Box) Right() int { return b.X + b.Width }

// CenterX returns the x of the center.
func (b Box) CenterX() int { return b.X + b.Width/2 }

// CenterY returns the y of the center.
func (b Box) CenterY() int { return b.Y + b.Height/2 }

// DiagramService is a service of a diagram.
type DiagramService struct {
	ID, Name, Ref string
	Box
	RPCs []DiagramRPC
}

// HeadY returns the y of the name.
func (s DiagramService) HeadY() int { return s.Y + headHeight/2 }

// DiagramRPC is an RPC of a diagram, with a line for requests and one for responses.
type DiagramRPC struct {
	ID, Name, Ref, Kind               string
	StreamsRequests, StreamsResponses bool
	Box
}

// RequestY returns the y of the line for requests.
func (r DiagramRPC) RequestY() int { return r.CenterY() - 4 }

// ResponseY returns the y of the line for responses.
func (r DiagramRPC) ResponseY() int { return r.CenterY() + 4 }

// Link is a relation between two RPCs of a service.
type Link struct {
	From, To string // the IDs
	Text     string
	X        int // of the vertical line
	TextX    int
	StartX   int
	FromY    int
	ToY      int
}

// relation is a relation between two RPCs, by their full names.
type relation struct{ from, to, text string }

// relations returns which of the calls refer to each other.
func (b *builder) relations(calls []call) (all []relation) {
	for _, c := range calls {
		name := func(rpc string) string { return c.service.FullName + "." + rpc }
		if single := found(fieldsOf(c, "batch")).path("single"); single != "" {
			all = append(all, relation{name(c.Name), name(single), "each item"})
		}
		if get := b.getterOf(c); get != "" && c.Policy.Operation.Lease > 0 {
			all = append(all, relation{name(c.Name), name(get), "operation"})
		}
	}
	return all
}

// The layout of a diagram in pixels.
const (
	margin       = 8
	callerWidth  = 72
	arrowWidth   = 120
	headHeight   = 30
	rowHeight    = 26
	gap          = 16
	charWidth    = 8
	laneWidth    = 14
	linkTextSize = 80
)

// diagramOf lays out a diagram of services.
func diagramOf(services []Service, relations []relation) (d Diagram) {
	left, y := margin+callerWidth+arrowWidth, margin
	longest := 0
	for _, s := range services {
		longest = max(longest, len(s.Name))
		for _, r := range s.RPCs {
			longest = max(longest, len(r.Name))
		}
	}
	width := longest*charWidth + 2*gap
	rows := make(map[string]DiagramRPC)
	for i, s := range services {
		id := "s" + strconv.Itoa(i+1)
		box := DiagramService{ID: id, Name: s.Name, Ref: s.FullName, Box: Box{left, y, width, headHeight + len(s.RPCs)*rowHeight + margin/2}}
		for j, r := range s.RPCs {
			row := DiagramRPC{
				ID: id + "r" + strconv.Itoa(j+1), Name: r.Name, Ref: r.FullName, Kind: r.Kind,
				StreamsRequests: r.Request.Stream, StreamsResponses: r.Response.Stream,
				Box: Box{left, y + headHeight + j*rowHeight, width, rowHeight},
			}
			rows[r.FullName] = row
			box.RPCs = append(box.RPCs, row)
		}
		d.Services = append(d.Services, box)
		y += box.Height + gap
	}
	d.Height = max(y-gap, margin) + margin
	d.Caller = Box{margin, margin, callerWidth, d.Height - 2*margin}
	right := left + width
	textX := right + (len(relations)+1)*laneWidth
	for _, r := range relations {
		from, to := rows[r.from], rows[r.to]
		if from.ID == "" || to.ID == "" {
			continue
		}
		d.Links = append(d.Links, Link{
			From: from.ID, To: to.ID, Text: r.text, StartX: right, TextX: textX, X: right + (len(d.Links)+1)*laneWidth,
			FromY: from.CenterY(), ToY: to.CenterY(),
		})
	}
	d.Width = right + margin
	if len(d.Links) > 0 {
		d.Width = textX + linkTextSize
	}
	return d
}
