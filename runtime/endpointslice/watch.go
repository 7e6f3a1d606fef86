package endpointslice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/resolver"
)

// limits are the limits of a watcher; tests lower them.
type limits struct {
	list    time.Duration // a whole list
	header  time.Duration // the header of the response to a watch
	ping    time.Duration // until a silent connection is pinged
	pong    time.Duration // until it is closed without a response
	silence time.Duration // a watch without an event; the API server sends a bookmark every minute
	watch   time.Duration // a watch, which the API server ends; up to twice as long, by chance

	pageLen    int // slices in a page of a list
	pageBytes  int // in a page
	eventBytes int // in an event
}

var defaultLimits = limits{
	list: time.Minute, header: 30 * time.Second,
	ping: 30 * time.Second, pong: 15 * time.Second, silence: 3 * time.Minute, watch: 5 * time.Minute,
	pageLen: 100, pageBytes: 16 << 20, eventBytes: 4 << 20,
}

// minWatch is how long a watch must last to count as one that works if it has no events.
const minWatch = time.Second

// watcher keeps the slices of one service up to date. It belongs to one connection.
type watcher struct {
	settings *settings
	target   target
	api      *api // nil until the server and the namespace are known
	creds    *credentials

	merged  *merged
	version string    // the resource version of merged, or "" if they must be listed
	listed  bool      // whether there was a list
	after   time.Time // when the API server accepts the next request

	reported []resolver.Endpoint
	missing  string // why there are none, as watch has returned it
}

func newWatcher(s *settings, t target) *watcher {
	return &watcher{
		settings: s, target: t, merged: newMerged(t.port),
		creds: &credentials{settings: s},
	}
}

// watch reports the endpoints of the service whenever they change. It returns when ctx ends or the
// API server fails; the next call continues where it stopped.
func (w *watcher) watch(ctx context.Context, update func([]resolver.Endpoint)) error {
	defer w.creds.close()
	err := w.run(ctx, update)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var status *statusError
	if errors.As(err, &status) && status.retryAfter > 0 {
		// Up to a quarter more, so that not all clients are back at once.
		jitter := time.Duration(rand.Int64N(int64(status.retryAfter/4) + 1))
		w.after = time.Now().Add(status.retryAfter + jitter)
	}
	return err
}

func (w *watcher) run(ctx context.Context, update func([]resolver.Endpoint)) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	for fresh := false; ; {
		if w.version == "" {
			if err := w.list(ctx); err != nil {
				return err
			}
			if err := w.report(update, true); err != nil {
				return err
			}
			fresh = true
		}
		err := w.follow(ctx, update)
		if !canResume(err) {
			w.version = ""
		}
		if err != nil && (fresh || !isExpired(err)) {
			return err
		}
		fresh = false
	}
}

// canResume reports whether the next watch can go on from the last event after one that ended with
// err. If not, the slices must be listed again: events may be missing, or the version may be one
// that the API server does not know, as after its database was restored.
func canResume(err error) bool {
	if status := (*statusError)(nil); errors.As(err, &status) {
		switch status.code {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable:
			return true
		}
		return false
	}
	return !errors.Is(err, errSilent) && !errors.As(err, new(malformedError))
}

// prepare waits until the API server accepts requests, and finds out where it is.
func (w *watcher) prepare(ctx context.Context) error {
	timer := time.NewTimer(time.Until(w.after))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.api != nil {
		return nil
	}
	server, err := w.settings.server()
	if err != nil {
		return err
	}
	if w.target.namespace == "" {
		if w.target.namespace, err = w.settings.namespace(); err != nil {
			return err
		}
	}
	w.api = &api{
		server: server, namespace: w.target.namespace, service: w.target.service,
		credentials: w.creds,
	}
	return nil
}

// maxPages is the longest list, as that of a server that never ends it.
const maxPages = 200

var errSlowList = errors.New("the list took too long")

// list reads all slices.
func (w *watcher) list(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, w.settings.limits.list, errSlowList)
	defer cancel()
	merged, version, err := w.listPages(ctx, w.settings.limits.pageLen)
	if isExpired(err) { // between two pages; without pages that cannot happen
		merged, version, err = w.listPages(ctx, 0)
	}
	if err != nil {
		return err
	}
	w.merged, w.version, w.listed = merged, version, true
	return nil
}

func (w *watcher) listPages(ctx context.Context, pageLen int) (*merged, string, error) {
	all := newMerged(w.target.port)
	query := url.Values{}
	if pageLen > 0 {
		query.Set("limit", strconv.Itoa(pageLen))
	}
	if !w.listed {
		// The state of the API server's cache, which costs it little. Later lists must not be
		// older than what is known.
		query.Set("resourceVersion", "0")
	}
	for range maxPages {
		page, err := w.page(ctx, query)
		if err != nil {
			return nil, "", err
		}
		for _, object := range page.Items {
			if err := all.put(object); err != nil {
				return nil, "", err
			}
		}
		if page.Metadata.Continue == "" {
			if page.Metadata.ResourceVersion == "" {
				return nil, "", errors.New("the API server sent a list without a resource version")
			}
			return all, page.Metadata.ResourceVersion, nil
		}
		query.Set("continue", page.Metadata.Continue)
		query.Del("resourceVersion") // is part of the token
	}
	return nil, "", fmt.Errorf("the API server sent a list of more than %d pages", maxPages)
}

// page reads one page of a list.
func (w *watcher) page(ctx context.Context, query url.Values) (sliceList, error) {
	body, err := w.api.get(ctx, query)
	if err != nil {
		return sliceList{}, err
	}
	defer func() { _ = body.Close() }()
	list, err := decodeList(body, w.settings.limits.pageBytes)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return list, err
}

var errSilent = errors.New("the watch was silent for too long")

// follow watches the slices from their version on. It returns nil if the API server ended the
// watch as it does when its time is over.
func (w *watcher) follow(ctx context.Context, update func([]resolver.Endpoint)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(w.settings.limits.header, func() { cancel(errSilent) })
	defer idle.Stop()

	seconds := int64(w.settings.limits.watch / time.Second)
	body, err := w.api.get(ctx, url.Values{
		"watch":               {"1"},
		"allowWatchBookmarks": {"true"},
		"resourceVersion":     {w.version},
		// Not the same for all clients.
		"timeoutSeconds": {strconv.FormatInt(seconds+rand.Int64N(seconds+1), 10)},
	})
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	started := time.Now()
	events, err := w.apply(newEventReader(body, w.settings.limits.eventBytes), update, func() {
		idle.Reset(w.settings.limits.silence)
	})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	works := events > 0 || time.Since(started) >= minWatch
	if works {
		// The next wait is a short one, as the API server was there a moment ago.
		err = cmp.Or(err, w.report(update, true))
	}
	if err == nil && !works {
		err = errors.New("the API server ended the watch at once")
	}
	return err
}

// apply applies the events of a watch until its end, and returns their number.
func (w *watcher) apply(
	r *eventReader, update func([]resolver.Endpoint), alive func(),
) (events int, err error) {
	for {
		alive()
		event, err := r.next()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		object := event.Object
		switch event.Type {
		case eventError:
			return events, w.api.statusError(object.apiStatus)
		case eventDeleted:
			w.merged.remove(object.Metadata.Name)
		case eventBookmark:
		default:
			if err := w.merged.put(object.endpointSlice); err != nil {
				return events, malformedError{err}
			}
		}
		events++
		if version := object.Metadata.ResourceVersion; version != "" {
			w.version = version
		}
		if r.pending() {
			continue // many events at once, as after a cut, are one report
		}
		if err := w.report(update, false); err != nil {
			return events, err
		}
	}
}

// report reports the endpoints if they have changed, or in any case. If there are none, it returns
// an error that says why, for calls. It does that once: the next call of watch goes on.
func (w *watcher) report(update func([]resolver.Endpoint), always bool) error {
	endpoints := w.merged.endpoints(w.target.authority())
	if always || !slices.EqualFunc(endpoints, w.reported, sameEndpoint) {
		w.reported = endpoints
		update(endpoints)
	}
	missing := ""
	if len(endpoints) == 0 {
		missing = w.merged.reason()
	}
	if missing == w.missing {
		return nil
	}
	w.missing = missing
	if missing == "" {
		return nil
	}
	return fmt.Errorf("%s has no endpoints: %s", w.target, missing)
}

func sameEndpoint(a, b resolver.Endpoint) bool {
	return slices.EqualFunc(a.Addresses, b.Addresses, resolver.Address.Equal) &&
		a.Attributes.Equal(b.Attributes)
}
