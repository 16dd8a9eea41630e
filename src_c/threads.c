#include "threads.h"

#include <stdatomic.h>
#include <stdlib.h>

#if defined(_WIN32)
#include <windows.h>
typedef SRWLOCK lock;
typedef CONDITION_VARIABLE condition;
typedef HANDLE thread;
typedef DWORD process;
static void lock_init(lock *l) { InitializeSRWLock(l); }
static void lock_take(lock *l) { AcquireSRWLockExclusive(l); }
static void lock_give(lock *l) { ReleaseSRWLockExclusive(l); }
static void lock_free(lock *l) { (void)l; }
static void condition_init(condition *c) { InitializeConditionVariable(c); }
static void condition_wait(condition *c, lock *l) { SleepConditionVariableSRW(c, l, INFINITE, 0); }
static void condition_wake(condition *c) { WakeAllConditionVariable(c); }
static void condition_free(condition *c) { (void)c; }
static process this_process(void) { return GetCurrentProcessId(); }
static int processors(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return (int)info.dwNumberOfProcessors;
}
#else
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
typedef pthread_mutex_t lock;
typedef pthread_cond_t condition;
typedef pthread_t thread;
typedef pid_t process;
static void lock_init(lock *l) { pthread_mutex_init(l, NULL); }
static void lock_take(lock *l) { pthread_mutex_lock(l); }
static void lock_give(lock *l) { pthread_mutex_unlock(l); }
static void lock_free(lock *l) { pthread_mutex_destroy(l); }
static void condition_init(condition *c) { pthread_cond_init(c, NULL); }
static void condition_wait(condition *c, lock *l) { pthread_cond_wait(c, l); }
static void condition_wake(condition *c) { pthread_cond_broadcast(c); }
static void condition_free(condition *c) { pthread_cond_destroy(c); }
static process this_process(void) { return getpid(); }
static int processors(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
#endif

/* Looks before sleeping: about a millisecond, longer than any step. With more threads than processors looking is in
 * the way. */
enum { SPINS = 40000 };

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

typedef struct {
    rp_pool *pool;
    int part;
    thread handle;
} worker;

struct rp_pool {
    int threads, spins;
    process owner;
    void (*work)(void *argument, int part);
    void *argument;
    lock lock;
    condition wake, released;  /* a call; the end of a barrier */
    atomic_uint call;          /* counts calls; a change is the signal to work */
    atomic_int stop, sleeping; /* sleeping: threads that wait at a barrier without spinning */
    _Alignas(64) atomic_int arrived;
    _Alignas(64) atomic_uint phase;
    worker workers[];
};

static void work_until_stopped(worker *self)
{
    rp_pool *p = self->pool;
    unsigned seen = 0;
    for (;;) {
        for (int i = 0; i < p->spins && atomic_load_explicit(&p->call, memory_order_acquire) == seen; i++)
            pause_briefly();
        lock_take(&p->lock);
        while (atomic_load(&p->call) == seen)
            condition_wait(&p->wake, &p->lock);
        lock_give(&p->lock);
        seen++;
        if (atomic_load(&p->stop))
            return;
        p->work(p->argument, self->part);
        rp_pool_barrier(p);
    }
}

#if defined(_WIN32)
static DWORD WINAPI start(void *self)
{
    work_until_stopped(self);
    return 0;
}
static int thread_start(worker *w) { return (w->handle = CreateThread(NULL, 0, start, w, 0, NULL)) != NULL; }
static void thread_join(worker *w)
{
    WaitForSingleObject(w->handle, INFINITE);
    CloseHandle(w->handle);
}
#else
static void *start(void *self)
{
    work_until_stopped(self);
    return NULL;
}
/* Signals stay with the threads of the program. */
static int thread_start(worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&w->handle, NULL, start, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !failed;
}
static void thread_join(worker *w) { pthread_join(w->handle, NULL); }
#endif

/* Tells the workers that there is something to do, or to stop. */
static void call(rp_pool *p)
{
    lock_take(&p->lock);
    atomic_fetch_add_explicit(&p->call, 1, memory_order_release);
    condition_wake(&p->wake);
    lock_give(&p->lock);
}

rp_pool *rp_pool_new(int threads)
{
    rp_pool *p = calloc(1, sizeof *p + (size_t)(threads - 1) * sizeof *p->workers);
    if (!p)
        return NULL;
    p->owner = this_process();
    p->spins = threads <= processors() ? SPINS : 0;
    lock_init(&p->lock);
    condition_init(&p->wake);
    condition_init(&p->released);
    for (p->threads = 1; p->threads < threads; p->threads++) {
        worker *w = &p->workers[p->threads - 1];
        w->pool = p;
        w->part = p->threads;
        if (!thread_start(w)) {
            rp_pool_free(p);
            return NULL;
        }
    }
    return p;
}

void rp_pool_run(rp_pool *p, void (*work)(void *argument, int part), void *argument)
{
    p->work = work;
    p->argument = argument;
    call(p);
    work(argument, 0);
    rp_pool_barrier(p);
}

void rp_pool_barrier(void *pool)
{
    rp_pool *p = pool;
    const unsigned phase = atomic_load_explicit(&p->phase, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&p->arrived, 1, memory_order_acq_rel) == p->threads - 1) {
        atomic_store_explicit(&p->arrived, 0, memory_order_relaxed);
        atomic_store(&p->phase, phase + 1);
        /* Either this sees a sleeper, or the sleeper, who counts itself first, sees the new phase. */
        if (atomic_load(&p->sleeping)) {
            lock_take(&p->lock);
            condition_wake(&p->released);
            lock_give(&p->lock);
        }
        return;
    }
    for (int i = 0; i < p->spins; i++) {
        if (atomic_load_explicit(&p->phase, memory_order_acquire) != phase)
            return;
        pause_briefly();
    }
    lock_take(&p->lock);
    atomic_fetch_add(&p->sleeping, 1);
    while (atomic_load(&p->phase) == phase)
        condition_wait(&p->released, &p->lock);
    atomic_fetch_sub(&p->sleeping, 1);
    lock_give(&p->lock);
}

int rp_pool_alive(const rp_pool *p) { return p->owner == this_process(); }

void rp_pool_free(rp_pool *p)
{
    if (!p)
        return;
    if (rp_pool_alive(p)) {
        atomic_store(&p->stop, 1);
        call(p);
        for (int i = 0; i < p->threads - 1; i++)
            thread_join(&p->workers[i]);
        condition_free(&p->wake);
        condition_free(&p->released);
        lock_free(&p->lock);
    }
    free(p);
}
