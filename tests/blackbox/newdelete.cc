/*
 * newdelete.cc: C++ operators and containers on mmsim.
 *
 * libstdc++'s operators call malloc, aligned_alloc and free, so a C library
 * that is their malloc has to give them what they need: an alignment of 16,
 * over-aligned blocks, and NULL where an exception or nullptr is due.
 */
#include "family.h"

#include <algorithm>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unordered_map>
#include <vector>

FAMILY_START

/* clang declares the sized forms only when asked to. */
void operator delete(void *, std::size_t) noexcept;
void operator delete(void *, std::size_t, std::align_val_t) noexcept;

namespace
{

struct alignas(64) line {
	char text[64];
};

struct alignas(4096) page {
	char text[100];
};

struct counted {
	static int alive;
	std::string name;
	counted() : name("a string that is too long to be kept inside")
	{
		alive++;
	}
	~counted()
	{
		alive--;
	}
};
int counted::alive;

int handler_calls;

void give_up()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

bool aligned(const void *p, std::size_t align)
{
	return p && reinterpret_cast<std::uintptr_t>(p) % align == 0;
}

} // namespace

Test(newdelete, plain_and_array_forms)
{
	for (std::size_t n = 1; n < 3000000; n = n * 3 + 1) {
		char *p = new char[n];
		int *q = new int(42);
		std::vector<std::unique_ptr<counted[]>> many;

		cr_assert(aligned(p, 16) && *q == 42);
		memset(p, 1, n);
		for (int i = 0; i < 20; i++)
			many.emplace_back(new counted[5]);
		cr_expect_eq(counted::alive, 100);
		many.clear();
		cr_expect_eq(counted::alive, 0);
		delete[] p;
		delete q;
	}
}

Test(newdelete, zero_bytes_are_unique)
{
	void *a = ::operator new(hide(0)), *b = ::operator new(hide(0));

	cr_expect(a && b && a != b);
	::operator delete(a);
	::operator delete(b, std::size_t(0));
}

Test(newdelete, over_aligned_types)
{
	for (int round = 0; round < 200; round++) {
		line *a = new line;
		line *b = new line[7];
		page *c = new page;
		auto d = std::make_unique<page>();

		cr_assert(aligned(a, 64) && aligned(b, 64));
		cr_assert(aligned(c, 4096) && aligned(d.get(), 4096));
		memset(static_cast<void *>(b), round, 7 * sizeof(line));
		memset(static_cast<void *>(c), round, sizeof(page));
		delete a;
		delete[] b;
		delete c;
	}
}

Test(newdelete, every_form_of_the_operators)
{
	for (std::size_t n = 1; n < 200000; n = n * 4 + 3) {
		auto align = std::align_val_t(256);
		void *p = ::operator new(n);
		void *q = ::operator new(n, align);
		void *r = ::operator new[](n, std::nothrow);
		void *s = ::operator new(n, align, std::nothrow);

		cr_assert(p && r && aligned(q, 256) && aligned(s, 256));
		for (void *x : {p, q, r, s})
			memset(x, 7, n);
		::operator delete(p, n);
		::operator delete(q, n, align);
		::operator delete[](r, std::nothrow);
		::operator delete(s, align, std::nothrow);
	}
}

Test(newdelete, impossible_sizes_throw_bad_alloc)
{
	const std::size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096,
				     std::size_t(PTRDIFF_MAX) + 1,
				     std::size_t(1) << 56};

	for (std::size_t size : sizes) {
		std::size_t n = hide(size);
		auto align = std::align_val_t(64);

		cr_expect_throw(hide_ptr(::operator new(n)), std::bad_alloc);
		cr_expect_throw(hide_ptr(::operator new[](n)), std::bad_alloc);
		cr_expect(!hide_ptr(::operator new(n, std::nothrow)));
		if (n > SIZE_MAX - 64)
			continue; /* libstdc++ rounds it up to 0 */
		cr_expect_throw(hide_ptr(::operator new(n, align)),
				std::bad_alloc);
		cr_expect(!hide_ptr(::operator new(n, align, std::nothrow)));
	}
	cr_expect_throw(hide_ptr(new double[hide(SIZE_MAX / 4)]),
			std::bad_array_new_length);
}

Test(newdelete, the_new_handler_is_asked)
{
	std::set_new_handler(give_up);
	cr_expect_throw(hide_ptr(::operator new(hide(std::size_t(1) << 56))),
			std::bad_alloc);
	cr_expect_eq(handler_calls, 3);
}

/* Exhausts the address space, and goes on after it let something go. */
Test(newdelete, bad_alloc_on_exhaustion_and_life_after_it)
{
	struct rlimit limit = {space_bytes() + 200 * MIB, RLIM_INFINITY};
	std::list<std::vector<char>> blocks;
	std::size_t first = 0, second = 0;

	limit.rlim_max = limit.rlim_cur;
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	try {
		for (;; first++)
			blocks.emplace_back(100000, 'x');
	} catch (const std::bad_alloc &) {
	}
	cr_expect(first > 1000, "%zu blocks of 100000 in 200 MiB", first);
	for (const auto &b : blocks)
		cr_assert(b.front() == 'x' && b.back() == 'x');
	blocks.clear();
	try {
		for (;; second++)
			blocks.emplace_back(100000, 'y');
	} catch (const std::bad_alloc &) {
	}
	cr_expect(second >= first - first / 20, "%zu at first, then %zu", first,
		  second);
}

static std::size_t container_load(unsigned seed, int rounds)
{
	std::map<std::string, std::vector<unsigned>> tree;
	std::unordered_map<unsigned, std::string> table;
	std::uint64_t state = seed;
	std::size_t sum = 0;

	for (int i = 0; i < rounds; i++) {
		unsigned key = unsigned(random_next(&state) % 500);
		std::string name = "key " + std::to_string(key) +
				   std::string(key % 90, '.');

		tree[name].push_back(key);
		table[key] += name.substr(0, 9);
		if (key % 7 == 0)
			tree.erase(name);
		if (key % 11 == 0)
			table.erase(key);
	}
	for (const auto &entry : tree) {
		cr_assert_eq(entry.first.find("key "), 0);
		sum += std::accumulate(entry.second.begin(), entry.second.end(),
				       std::size_t(0));
	}
	for (const auto &entry : table)
		sum += entry.second.size() * entry.first;
	return sum;
}

Test(newdelete, containers_in_threads_agree)
{
	std::size_t expected = container_load(5, 40000);
	std::vector<std::size_t> got(4);
	std::vector<std::thread> threads;

	for (std::size_t t = 0; t < got.size(); t++)
		threads.emplace_back(
			[&got, t] { got[t] = container_load(5, 40000); });
	for (auto &t : threads)
		t.join();
	for (std::size_t sum : got)
		cr_expect_eq(sum, expected);
}

Test(newdelete, objects_cross_threads)
{
	std::vector<std::unique_ptr<std::string>> made;

	std::thread maker([&made] {
		for (int i = 0; i < 50000; i++)
			made.emplace_back(new std::string(std::size_t(i % 400),
							  'a' + i % 26));
	});
	maker.join();
	std::thread taker([&made] {
		for (std::size_t i = 0; i < made.size(); i++) {
			const std::string &s = *made[i];

			cr_assert_eq(s.size(), i % 400);
			cr_assert(s.empty() || s.back() == char('a' + i % 26));
			made[i].reset();
		}
	});
	taker.join();
	made.clear();
}
