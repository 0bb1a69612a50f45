// Linking an object to a shared object within the process.
#ifndef GPTC_LIB_CODEGEN_SHAREDOBJECT_H
#define GPTC_LIB_CODEGEN_SHAREDOBJECT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace gptc::codegen {

/// Links the ELF object `object` by lld, with nothing else. Not to be called from two threads at
/// once.
llvm::Expected<std::vector<char>> linkSharedObject(llvm::ArrayRef<char> object);

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_SHAREDOBJECT_H
