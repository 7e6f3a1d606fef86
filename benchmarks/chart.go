package main

import (
	"fmt"
	"html"
	"strings"
)

// The sizes of the chart, in pixels.
const (
	chartWidth  = 860
	chartNames  = 300 // of the names at the left
	chartValues = 120 // of the values at the right
	chartBar    = 16
	chartRow    = 24
	chartTop    = 48
)

// chart draws the CPU time of a unary call as bars, with the quartiles and a line for bare.
func chart(all []compared) string {
	longest := 1.0
	for _, c := range all {
		longest = max(longest, c.unary.ratio[2])
	}
	scale := float64(chartWidth-chartNames-chartValues) / longest
	height := chartTop + chartRow*len(all) + chartRow
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n",
		chartWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="15" fill="#222222">%s</text>`+"\n", 12,
		"CPU time of the server per unary call, as a ratio to bare grpc-go")
	y := chartTop
	for _, c := range all {
		if c.failure == nil {
			bar(&b, c.unary, y, scale)
			y += chartRow
		}
	}
	one := chartNames + scale
	fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#222222" stroke-dasharray="4 3"/>`+"\n",
		one, chartTop-8, one, y)
	b.WriteString("</svg>\n")
	return b.String()
}

// bar draws the ratio of a server.
func bar(b *strings.Builder, r result, y int, scale float64) {
	middle := float64(y) + chartBar/2
	x := func(ratio float64) float64 { return chartNames + ratio*scale }
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#222222">%s</text>`+"\n",
		chartNames-10, y+chartBar-3, html.EscapeString(r.stack))
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n",
		chartNames, y, r.median()*scale, chartBar, color(r.stack))
	fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#222222"/>`+"\n",
		x(r.ratio[0]), middle, x(r.ratio[2]), middle)
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="#222222">%.2f</text>`+"\n",
		x(r.ratio[2])+8, y+chartBar-3, r.median())
}

// color is that of a bar: ours, bare, or another.
func color(stack string) string {
	switch {
	case strings.HasPrefix(stack, ours):
		return "#2f6fb3"
	case stack == bare:
		return "#7a7a7a"
	default:
		return "#c9c9c9"
	}
}
