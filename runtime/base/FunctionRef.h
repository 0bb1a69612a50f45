// A reference to something callable: what std::function is, without owning, allocating or copying.
// It is for parameters only: it must not outlive the call that it was made for.
#ifndef GPTC_RUNTIME_BASE_FUNCTIONREF_H
#define GPTC_RUNTIME_BASE_FUNCTIONREF_H

#include <memory>
#include <type_traits>
#include <utility>

namespace gptc::runtime {

template <typename Signature> class FunctionRef;

template <typename R, typename... Arguments> class FunctionRef<R(Arguments...)> {
public:
  template <typename Callable>
    requires(!std::is_same_v<std::remove_cvref_t<Callable>, FunctionRef> &&
             std::is_invocable_r_v<R, Callable &, Arguments...>)
  FunctionRef(Callable &&callable) // implicit, so that a lambda can be passed as it stands
      : object_(const_cast<void *>(static_cast<const void *>(std::addressof(callable)))),
        call_([](void *object, Arguments... arguments) -> R {
          return (*static_cast<std::remove_reference_t<Callable> *>(object))(
              std::forward<Arguments>(arguments)...);
        }) {}

  R operator()(Arguments... arguments) const {
    return call_(object_, std::forward<Arguments>(arguments)...);
  }

private:
  void *object_;
  R (*call_)(void *, Arguments...);
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_BASE_FUNCTIONREF_H
