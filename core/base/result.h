#pragma once
// Result<T, E>: a value or an error, and TRY to hand an error to the caller.
//
//   Result<int> port = parse_port(text);
//   if (!port.ok()) return port.error();
//
//   Result<Endpoint> parse(std::string_view text) {
//     auto host = TRY(parse_host(text));   // returns the error to the caller of parse
//     return Endpoint{host};
//   }

#include <type_traits>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/error.h"

namespace drydock {

/// An error on its way to a caller whose value type may be another one.
template <class E>
struct Failure {
  E error;
};

template <class E>
Failure<std::decay_t<E>> fail(E&& error) {
  return {std::forward<E>(error)};
}

/// fail(ErrorKind::not_found, "no such image: ", name)
template <class... Parts>
Failure<Error> fail(ErrorKind kind, Parts&&... parts) {
  return {make_error(kind, std::forward<Parts>(parts)...)};
}

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = E;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}
  template <class F>
  requires std::is_constructible_v<E, F> Result(Failure<F> failure)
      : state_(std::in_place_index<1>, E(std::move(failure.error))) {}
  /// From a result of a related type: Result<std::unique_ptr<Derived>> to Result<std::unique_ptr<Base>>.
  template <class U>
  requires(!std::is_same_v<U, T> && std::is_convertible_v<U, T>) Result(Result<U, E> other)
      : state_(other.ok() ? decltype(state_)(std::in_place_index<0>, std::move(other).value())
                          : decltype(state_)(std::in_place_index<1>, std::move(other).error())) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    DD_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    DD_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    DD_ASSERT(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T value_or(T fallback) && { return ok() ? std::move(*std::get_if<0>(&state_)) : std::move(fallback); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  E& error() & {
    DD_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }
  const E& error() const& {
    DD_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }
  E&& error() && {
    DD_ASSERT(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  using value_type = void;
  using error_type = E;

  Result() = default;
  Result(E error) : failed_(true), error_(std::move(error)) {}
  template <class F>
  requires std::is_constructible_v<E, F> Result(Failure<F> failure)
      : failed_(true), error_(E(std::move(failure.error))) {}

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  void value() const { DD_ASSERT(ok()); }

  E& error() & {
    DD_ASSERT(!ok());
    return error_;
  }
  const E& error() const& {
    DD_ASSERT(!ok());
    return error_;
  }
  E&& error() && {
    DD_ASSERT(!ok());
    return std::move(error_);
  }

 private:
  bool failed_ = false;
  E error_{};
};

}  // namespace drydock

/// The value of a Result, or a return of its error from the enclosing function.
#define TRY(...)                                                \
  __extension__({                                               \
    auto&& dd_try_result = (__VA_ARGS__);                       \
    if (!dd_try_result.ok()) [[unlikely]]                       \
      return ::drydock::fail(std::move(dd_try_result).error()); \
    std::move(dd_try_result).value();                           \
  })
