package redis_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies/redis"
)

// Two processes change one session: a store in each, with the same prefix. A program that has a client of its own passes it to New.
func ExampleStore() {
	type cart struct{ Items []string }
	ctx := context.Background()
	server, err := redis.Connect(ctx, redis.Options{}) // no URL: a server inside this process
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	id := manager.IDFromString("customer 42") // the same id in every process
	for _, item := range []string{"tea", "milk"} {
		carts, err := redis.New[cart](server.Client(), server.Prefix(), redis.WithAtomic(redis.Lua))
		if err != nil {
			log.Fatal(err)
		}
		created, err := carts.GetOrCreate(ctx, id, func() cart { return cart{} }, nil)
		if err != nil {
			log.Fatal(err)
		}
		err = carts.Update(ctx, id, func(_ context.Context, c *cart) error { // may run again, on a new copy
			c.Items = append(c.Items, item)
			fmt.Println(created, c.Items)
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		if err := carts.Close(); err != nil { // the sessions stay
			log.Fatal(err)
		}
	}
	// Output:
	// true [tea]
	// false [tea milk]
}

// A message is one round trip, whatever the length of the conversation.
func ExampleLists() {
	ctx := context.Background()
	chats, err := redis.OpenLists(ctx, redis.Options{}, redis.ListsOptions{}) // no URL: a server inside this process
	if err != nil {
		log.Fatal(err)
	}
	defer chats.Close()
	id, err := chats.CreateSession(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"Is the library open?", "On Sundays, too?"} {
		if _, _, err := chats.AddMessage(ctx, id, "user", text); err != nil {
			log.Fatal(err)
		}
	}
	messages, _, err := chats.History(ctx, id, nil)
	for _, m := range messages {
		fmt.Println(m.Seq, m.Content)
	}
	fmt.Println(err)
	// Output:
	// 1 Is the library open?
	// 2 On Sundays, too?
	// <nil>
}
