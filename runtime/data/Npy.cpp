// The .npy format (NEP 1): magic, version, a Python dictionary as text, and the elements.
#include "runtime/data/Npy.h"

#include "runtime/base/File.h"

#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>

namespace gptc::runtime {

namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr size_t maximumAxes = 64; // numpy's own limit

Status malformed(std::string message) {
  return {Code::dataError, "not a valid .npy file: " + std::move(message)};
}

/// A parser for what a header may be: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> shape;

  Status parse() {
    GPTC_RETURN_IF_ERROR(expect('{'));
    bool seen[3] = {};
    while (!accept('}')) {
      GPTC_ASSIGN(std::string key, parseString());
      GPTC_RETURN_IF_ERROR(expect(':'));
      int which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : -1;
      if (which < 0)
        return malformed(fmt::format("unknown header key '{}'", printable(key)));
      if (std::exchange(seen[which], true))
        return malformed(fmt::format("header key '{}' stands twice", key));
      GPTC_RETURN_IF_ERROR(which == 0 ? parseDescr() : which == 1 ? parseOrder() : parseShape());
      if (accept('}'))
        break;
      GPTC_RETURN_IF_ERROR(expect(','));
    }
    skipSpace();
    if (position_ != text_.size())
      return unexpected("the end of the header");
    for (int which = 0; which < 3; ++which)
      if (!seen[which])
        return malformed(fmt::format("the header has no '{}'", which == 0   ? "descr"
                                                               : which == 1 ? "fortran_order"
                                                                            : "shape"));
    return {};
  }

private:
  /// Headers are not trusted: what is shown of them is short and has no control characters.
  static std::string printable(std::string_view text) {
    std::string shown;
    for (char c : text.substr(0, 40))
      shown += c >= ' ' && c <= '~' ? c : '?';
    return shown;
  }
  void skipSpace() {
    while (position_ < text_.size() && std::strchr(" \t\n\r", text_[position_]) &&
           text_[position_] != '\0')
      ++position_;
  }
  bool accept(char c) {
    skipSpace();
    if (position_ == text_.size() || text_[position_] != c)
      return false;
    ++position_;
    return true;
  }
  Status unexpected(std::string_view required) {
    skipSpace();
    return malformed(
        fmt::format("at byte {} of the header: required {}, found {}", position_, required,
                    position_ == text_.size() ? std::string("its end")
                                              : '"' + printable(text_.substr(position_, 1)) + '"'));
  }
  Status expect(char c) { return accept(c) ? Status() : unexpected(fmt::format("\"{}\"", c)); }
  Result<std::string> parseString() {
    char quote = accept('\'') ? '\'' : accept('"') ? '"' : '\0';
    if (!quote)
      return unexpected("a string");
    size_t end = text_.find(quote, position_);
    if (end == std::string_view::npos)
      return malformed("a string in the header does not end");
    std::string value(text_.substr(position_, end - position_));
    position_ = end + 1;
    return value;
  }
  Status parseDescr() {
    skipSpace();
    if (position_ < text_.size() && text_[position_] == '[')
      return malformed("records with several fields are not supported");
    GPTC_ASSIGN(descr, parseString());
    descr = printable(descr);
    return {};
  }
  Status parseOrder() {
    skipSpace();
    for (auto [word, value] : {std::pair("True", true), std::pair("False", false)})
      if (text_.substr(position_).starts_with(word)) {
        position_ += std::strlen(word);
        fortranOrder = value;
        return {};
      }
    return unexpected("True or False");
  }
  Status parseShape() {
    GPTC_RETURN_IF_ERROR(expect('('));
    while (!accept(')')) {
      skipSpace();
      int64_t size = 0;
      const char *begin = text_.data() + position_, *end = text_.data() + text_.size();
      auto [next, error] = std::from_chars(begin, end, size);
      if (error == std::errc::result_out_of_range)
        return malformed("a size in the shape is too large");
      if (error != std::errc())
        return unexpected("a size");
      if (size < 0)
        return malformed(fmt::format("size {} in the shape is negative", size));
      position_ += static_cast<size_t>(next - begin);
      accept('L'); // Python 2 wrote long numbers so
      if (shape.size() == maximumAxes)
        return malformed(fmt::format("more than {} axes", maximumAxes));
      shape.push_back(size);
      if (accept(')'))
        break;
      GPTC_RETURN_IF_ERROR(expect(','));
    }
    return {};
  }

  std::string_view text_;
  size_t position_ = 0;
};

} // namespace

Result<HostArray> parseNpy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  if (!text.starts_with(magic))
    return malformed("it does not begin with \"\\x93NUMPY\"");
  if (text.size() < 10)
    return malformed(fmt::format("it ends after {} bytes, within the header", text.size()));
  int version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3)
    return malformed(fmt::format("format version {}.{}; 1.0, 2.0 and 3.0 are supported", version,
                                 static_cast<unsigned char>(text[7])));
  // Version 1 has a length of two bytes, later ones of four.
  size_t lengthBytes = version == 1 ? 2 : 4, headerBegin = 8 + lengthBytes;
  if (text.size() < headerBegin)
    return malformed(fmt::format("it ends after {} bytes, within the header", text.size()));
  uint64_t length = 0;
  std::memcpy(&length, bytes.data() + 8, lengthBytes);
  if (length > text.size() - headerBegin)
    return malformed(fmt::format("its header should have {} bytes, but {} are left", length,
                                 text.size() - headerBegin));

  HeaderParser header(text.substr(headerBegin, length));
  GPTC_RETURN_IF_ERROR(header.parse());
  std::optional<HostType> type = typeFromNpyCode(header.descr);
  if (!type)
    return malformed(fmt::format("element type '{}' is not supported (little-endian numbers and "
                                 "booleans are, such as '<f4' or '<u2')",
                                 header.descr));
  if (header.fortranOrder && header.shape.size() > 1)
    return malformed("Fortran order is not supported; write it with numpy.ascontiguousarray");
  std::optional<int64_t> count = elementCount(header.shape, *type);
  if (!count)
    return malformed(fmt::format("shape ({}) is too large", fmt::join(header.shape, ", ")));

  HostArray array;
  array.bytes = bytes.subspan(headerBegin + length);
  uint64_t required = static_cast<uint64_t>(*count * elementSize(*type));
  if (array.bytes.size() != required)
    return malformed(fmt::format("shape {} of {} needs {} bytes after the header, found {}",
                                 shapeText(header.shape), typeName(*type), required,
                                 array.bytes.size()));
  array.type = *type;
  array.shape = std::move(header.shape);
  array.owner = std::move(owner);
  return array;
}

Result<HostArray> readNpy(const std::string &path) {
  GPTC_ASSIGN(MappedFile file, MappedFile::open(path));
  Result<HostArray> array = parseNpy(file.bytes(), file.owner());
  if (!array.ok())
    return array.status().within(path);
  return array;
}

Result<std::string> npyHeader(HostType type, std::span<const int64_t> shape) {
  std::optional<std::string_view> code = npyCode(type);
  if (!code)
    return Status(Code::invalidArgument,
                  fmt::format("a .npy file cannot hold {} elements", typeName(type)));
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                   *code, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  size_t prefix = magic.size() + 4;
  size_t padded = (prefix + header.size() + 1 + 63) / 64 * 64;
  if (padded - prefix > 0xFFFF)
    return Status(Code::invalidArgument, "the shape has too many axes for a .npy file");
  header.append(padded - prefix - header.size() - 1, ' ');
  header += '\n';
  std::string result(magic);
  result += '\1';
  result += '\0';
  result += static_cast<char>(header.size() & 0xFF);
  result += static_cast<char>(header.size() >> 8);
  return result + header;
}

Status writeNpy(const std::string &path, HostType type, std::span<const int64_t> shape,
                std::span<const std::byte> bytes) {
  std::optional<int64_t> count = elementCount(shape, type);
  if (!count || static_cast<uint64_t>(*count * elementSize(type)) != bytes.size())
    return {Code::invalidArgument, fmt::format("{}: shape {} of {} does not fit {} bytes", path,
                                               shapeText(shape), typeName(type), bytes.size())};
  auto header = npyHeader(type, shape);
  if (!header.ok())
    return header.status().within(path);
  return writeFileAtomically(path, [&](FileWriter &writer) {
    GPTC_RETURN_IF_ERROR(writer.write(*header));
    return writer.write(bytes);
  });
}

} // namespace gptc::runtime
