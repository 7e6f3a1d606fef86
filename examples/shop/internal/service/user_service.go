package service

import (
	"context"
	"net/mail"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime"
)

// maxUsers bounds the memory of a UserService, together with the max_request_bytes of its policy.
const maxUsers = 10_000

// UserService keeps users in memory. It implements [shopv1service.UserService].
type UserService struct {
	mu     sync.Mutex
	lastID int32
	users  map[int32]*shopv1.User // never changed, only replaced: what was returned once may still be on its way
	emails map[string]int32       // the user that has an email, by emailKey
}

// NewUserService returns a UserService without users.
func NewUserService() *UserService {
	return &UserService{users: make(map[int32]*shopv1.User), emails: make(map[string]int32)}
}

// GetUser returns one user, or NOT_FOUND.
func (s *UserService) GetUser(_ context.Context, req *shopv1.GetUserRequest) (*shopv1.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(req.GetId())
}

// CreateUser adds a user and returns it with its id.
func (s *UserService) CreateUser(_ context.Context, req *shopv1.CreateUserRequest) (*shopv1.User, error) {
	user := &shopv1.User{
		Name:      req.GetName(),
		Email:     req.GetEmail(),
		Role:      req.GetRole(),
		Address:   proto.CloneOf(req.GetAddress()),
		CreatedAt: timestamppb.Now(),
	}
	if user.Role == shopv1.UserRole_USER_ROLE_UNSPECIFIED {
		user.Role = shopv1.UserRole_USER_ROLE_MEMBER
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.users) >= maxUsers {
		return nil, shopv1service.UserReasonShopFull.Errorf(codes.ResourceExhausted, "the shop has its %d users; delete one first", maxUsers)
	}
	user.Id = s.lastID + 1
	if err := s.check(user, ""); err != nil {
		return nil, err
	}
	s.lastID = user.Id
	s.put(user)
	return user, nil
}

// UpdateUser changes the fields of a user that the mask names and returns the result.
func (s *UserService) UpdateUser(_ context.Context, req *shopv1.UpdateUserRequest) (*shopv1.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.find(req.GetUser().GetId())
	if err != nil {
		return nil, err
	}
	user := proto.CloneOf(old)
	if err := merge(user, req.GetUser(), req.GetUpdateMask().GetPaths()); err != nil {
		return nil, err
	}
	if err := s.check(user, "user."); err != nil {
		return nil, err
	}
	delete(s.emails, emailKey(old.GetEmail()))
	s.put(user)
	return user, nil
}

// DeleteUser removes a user, or answers NOT_FOUND.
func (s *UserService) DeleteUser(_ context.Context, req *shopv1.DeleteUserRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, err := s.find(req.GetId())
	if err != nil {
		return nil, err
	}
	delete(s.users, user.GetId())
	delete(s.emails, emailKey(user.GetEmail()))
	return &emptypb.Empty{}, nil
}

// find returns the user with an id, or NOT_FOUND.
func (s *UserService) find(id int32) (*shopv1.User, error) {
	user, ok := s.users[id]
	if !ok {
		return nil, shopv1service.UserReasonUserUnknown.Errorf(codes.NotFound, "there is no user %d", id).
			WithResource("shop.example.com/User", "users/"+strconv.Itoa(int(id)), "")
	}
	return user, nil
}

// check says what keeps user from being stored; path is where the request has it.
func (s *UserService) check(user *shopv1.User, path string) error {
	if err := runtime.Invalid(violations(user, path)...); err != nil {
		return err
	}
	if id, taken := s.emails[emailKey(user.GetEmail())]; taken && id != user.GetId() {
		return shopv1service.UserReasonEmailTaken.Errorf(codes.AlreadyExists, "%semail: another user has it", path)
	}
	return nil
}

// violations returns all that is wrong with the fields of user. Errors are logged, so they do not repeat what is personal.
func violations(user *shopv1.User, path string) (found []runtime.FieldViolation) {
	if strings.TrimSpace(user.GetName()) == "" {
		found = append(found, runtime.Violation(path+"name", "must not be empty"))
	}
	if addr, err := mail.ParseAddress(user.GetEmail()); err != nil || addr.Address != user.GetEmail() {
		found = append(found, runtime.Violation(path+"email", "must be an email address alone, as in ada@example.com"))
	}
	if _, ok := shopv1.UserRole_name[int32(user.GetRole())]; !ok {
		found = append(found, runtime.Violation(path+"role", "there is no role %d", user.GetRole()))
	}
	return found
}

// put stores a user that check has passed.
func (s *UserService) put(user *shopv1.User) {
	s.users[user.GetId()] = user
	s.emails[emailKey(user.GetEmail())] = user.GetId()
}

// merge sets the fields of user that paths name, or all that may change, to those of changes.
func merge(user, changes *shopv1.User, paths []string) error {
	if len(paths) == 0 {
		paths = []string{"name", "email", "role", "address"}
	}
	for _, path := range paths {
		switch path {
		case "name":
			user.Name = changes.GetName()
		case "email":
			user.Email = changes.GetEmail()
		case "role":
			user.Role = changes.GetRole()
		case "address":
			user.Address = proto.CloneOf(changes.GetAddress())
		default:
			return runtime.Invalid(runtime.Violation("update_mask", "%q is not a field that can be changed", path))
		}
	}
	return nil
}

// emailKey is the same for emails that reach the same user.
func emailKey(email string) string { return strings.ToLower(email) }
