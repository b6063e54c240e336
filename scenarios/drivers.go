package scenarios

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// Chat is the driver of one user of a chat scenario. *manager.ChatUser implements it.
type Chat interface {
	CreateSession(ctx context.Context) (manager.ID, error)
	AddMessage(ctx context.Context, id manager.ID, role, content string) (seq uint64, err error)
	History(ctx context.Context, id manager.ID, dst []manager.Message) ([]manager.Message, error)
	Validate(ctx context.Context, id manager.ID) error
	Touch(ctx context.Context, id manager.ID) (version uint64, err error)
	DeleteSession(ctx context.Context, id manager.ID) error
	ExpireIdle(ctx context.Context, ttl time.Duration) (int, error)
	Touches() uint64 // number of touches by this user so far, including those that its reads made
}

// Brainstorm is the driver of all users of a board scenario. *manager.Brainstorming implements it.
type Brainstorm interface {
	CreateSession(ctx context.Context) (manager.ID, error)
	UpdateSession(ctx context.Context, id manager.ID, fields map[string]string) (version uint64, err error)
	Session(ctx context.Context, id manager.ID) (manager.Session, error)
	DeleteSession(ctx context.Context, id manager.ID) error
	ExpireIdle(ctx context.Context, ttl time.Duration) (int, error)
}

var (
	_ Chat       = (*manager.ChatUser)(nil)
	_ Brainstorm = (*manager.Brainstorming)(nil)
)
