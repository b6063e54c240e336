package scenarios

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// Chat is what a user of a chat scenario drives. *manager.ChatUser is one.
type Chat interface {
	CreateSession(ctx context.Context) (manager.ID, error)
	AddMessage(ctx context.Context, id manager.ID, role, content string) (seq uint64, err error)
	History(ctx context.Context, id manager.ID, dst []manager.Message) ([]manager.Message, error)
	Validate(ctx context.Context, id manager.ID) error
	Touch(ctx context.Context, id manager.ID) (version uint64, err error)
	DeleteSession(ctx context.Context, id manager.ID) error
	ExpireIdle(ctx context.Context, ttl time.Duration) (int, error)
	Touches() uint64 // made by this user so far, those that its reads found due included
}

// Brainstorm is what the users of a board scenario drive. *manager.Brainstorming is one.
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
