package admin

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/grpc/channelz/service"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxListed is the maximum number of connections, and of channels, that the page lists.
const maxListed = 100

// connection is a connection of a client to a server of the process.
type connection struct {
	Remote, Local   string
	Security        string
	Started, Failed int64 // streams
	Received, Sent  int64 // messages
	LastCall        time.Time
	Open            int64 // streams
}

// channel is a connection of a client of the process, which may be several on the network.
type channel struct {
	Target          string
	State           string
	Started, Failed int64 // calls
	LastCall        time.Time
}

// openChannelz returns the implementation of grpc's channelz service.
func openChannelz() grpc_channelz_v1.ChannelzServer {
	var r implementation
	service.RegisterChannelzServiceToServer(&r)
	impl, _ := r.impl.(grpc_channelz_v1.ChannelzServer)
	return impl
}

// implementation is a registrar that keeps what is registered.
type implementation struct{ impl any }

// RegisterService implements [grpc.ServiceRegistrar].
func (r *implementation) RegisterService(_ *grpc.ServiceDesc, impl any) { r.impl = impl }

// connections returns the connections to the servers of the process, and whether there are more.
func (p *Page) connections(ctx context.Context) (all []connection, more bool) {
	servers, err := p.channelz.GetServers(ctx, &grpc_channelz_v1.GetServersRequest{MaxResults: maxListed})
	if err != nil {
		return nil, false
	}
	for _, s := range servers.GetServer() {
		sockets, err := p.channelz.GetServerSockets(ctx, &grpc_channelz_v1.GetServerSocketsRequest{
			ServerId: s.GetRef().GetServerId(), MaxResults: maxListed + 1,
		})
		if err != nil { // it has stopped since
			continue
		}
		for _, ref := range sockets.GetSocketRef() {
			if len(all) == maxListed {
				return all, true
			}
			if c, ok := p.connection(ctx, ref.GetSocketId()); ok {
				all = append(all, c)
			}
		}
	}
	return all, false
}

// connection returns a connection; false if it is closed.
func (p *Page) connection(ctx context.Context, id int64) (connection, bool) {
	resp, err := p.channelz.GetSocket(ctx, &grpc_channelz_v1.GetSocketRequest{SocketId: id})
	if err != nil {
		return connection{}, false
	}
	socket, data := resp.GetSocket(), resp.GetSocket().GetData()
	c := connection{
		Remote: addressOf(socket.GetRemote()), Local: addressOf(socket.GetLocal()), Security: "none",
		Started: data.GetStreamsStarted(), Failed: data.GetStreamsFailed(),
		Received: data.GetMessagesReceived(), Sent: data.GetMessagesSent(),
		LastCall: timeOf(data.GetLastRemoteStreamCreatedTimestamp()),
	}
	c.Open = c.Started - c.Failed - data.GetStreamsSucceeded()
	if tls := socket.GetSecurity().GetTls(); tls != nil {
		c.Security = "TLS"
	} else if other := socket.GetSecurity().GetOther(); other != nil {
		c.Security = other.GetName()
	}
	return c, true
}

// channels returns the connections of the clients of the process, and whether there are more.
func (p *Page) channels(ctx context.Context) (all []channel, more bool) {
	resp, err := p.channelz.GetTopChannels(ctx, &grpc_channelz_v1.GetTopChannelsRequest{MaxResults: maxListed})
	if err != nil {
		return nil, false
	}
	for _, c := range resp.GetChannel() {
		data := c.GetData()
		all = append(all, channel{
			Target: data.GetTarget(), State: data.GetState().GetState().String(),
			Started: data.GetCallsStarted(), Failed: data.GetCallsFailed(),
			LastCall: timeOf(data.GetLastCallStartedTimestamp()),
		})
	}
	return all, !resp.GetEnd()
}

// addressOf spells an address.
func addressOf(a *grpc_channelz_v1.Address) string {
	switch tcp := a.GetTcpipAddress(); {
	case tcp != nil:
		ip, ok := netip.AddrFromSlice(tcp.GetIpAddress())
		if !ok {
			return "unknown"
		}
		return net.JoinHostPort(ip.Unmap().String(), strconv.Itoa(int(tcp.GetPort())))
	case a.GetUdsAddress() != nil:
		return "unix:" + a.GetUdsAddress().GetFilename()
	case a.GetOtherAddress() != nil:
		return a.GetOtherAddress().GetName()
	default:
		return "unknown"
	}
}

// timeOf returns a time; zero if it is unset.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil || t.GetSeconds() <= 0 {
		return time.Time{}
	}
	return t.AsTime()
}
