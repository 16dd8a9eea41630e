/* A small pool of threads that work on one call together.
 *
 * Whoever waits spins for a bounded time and then sleeps: an idle pool costs nothing, and more threads than
 * processors only time. */
#ifndef RP_THREADS_H
#define RP_THREADS_H

typedef struct rp_pool rp_pool;

/* A pool of `threads` >= 2, the caller's among them; NULL when it cannot be had. */
rp_pool *rp_pool_new(int threads);
/* Calls work(argument, part) for every part 0..threads-1, the caller's being 0, and returns when all have returned. */
void rp_pool_run(rp_pool *pool, void (*work)(void *argument, int part), void *argument);
/* Within work: waits until every part is here. */
void rp_pool_barrier(void *pool);
/* Whether the workers still exist: fork leaves a child the memory of the pool, but not its threads. */
int rp_pool_alive(const rp_pool *pool);
/* Ends the workers; in a forked child only forgets them. */
void rp_pool_free(rp_pool *pool);

#endif
