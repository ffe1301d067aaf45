// ELF for 32-bit Arm: the segments that a debugger would write to flash, and the symbols.
#include <elf.h>

#include <algorithm>
#include <cstring>

#include "image/image.h"

namespace emulator {
namespace {

class Elf {
 public:
  Elf(const std::string& path, const std::vector<uint8_t>& file) : path_(path), file_(file) {
    header_ = at<Elf32_Ehdr>(0);
    if (header_.e_ident[EI_CLASS] != ELFCLASS32 || header_.e_machine != EM_ARM) {
      throw ImageError("the image " + path_ +
                       " is not for an Arm Cortex-M: give the ELF that was built for an nRF52840 board");
    }
    if (header_.e_type != ET_EXEC)
      throw ImageError("the image " + path_ + " is not linked: give the firmware's ELF");
  }

  void segments(std::vector<Segment>& segments) const {
    for (int i = 0; i < header_.e_phnum; ++i) {
      const auto program = at<Elf32_Phdr>(header_.e_phoff + i * header_.e_phentsize);
      if (program.p_type != PT_LOAD || program.p_filesz == 0) continue;
      const uint8_t* bytes = span(program.p_offset, program.p_filesz);
      segments.push_back({program.p_paddr, {bytes, bytes + program.p_filesz}});
    }
  }

  void symbols(Symbols& symbols) const {
    for (int i = 0; i < header_.e_shnum; ++i) {
      const auto section = section_at(i);
      if (section.sh_type != SHT_SYMTAB) continue;
      const auto names = section_at(static_cast<int>(section.sh_link));
      for (uint32_t offset = 0; offset + sizeof(Elf32_Sym) <= section.sh_size; offset += sizeof(Elf32_Sym)) {
        add(symbols, at<Elf32_Sym>(section.sh_offset + offset), names);
      }
    }
  }

 private:
  template <typename Record>
  Record at(size_t offset) const {
    Record record;
    memcpy(&record, span(offset, sizeof record), sizeof record);
    return record;
  }

  const uint8_t* span(size_t offset, size_t size) const {
    if (offset > file_.size() || size > file_.size() - offset) {
      throw ImageError("the image " + path_ + " is only a part of an ELF file: build it again");
    }
    return file_.data() + offset;
  }

  Elf32_Shdr section_at(int index) const {
    return at<Elf32_Shdr>(header_.e_shoff + index * header_.e_shentsize);
  }

  void add(Symbols& symbols, const Elf32_Sym& symbol, const Elf32_Shdr& names) const {
    const int type = ELF32_ST_TYPE(symbol.st_info);
    if (type > STT_FUNC || symbol.st_shndx == SHN_UNDEF || symbol.st_name >= names.sh_size) return;
    const auto* name = reinterpret_cast<const char*>(span(names.sh_offset + symbol.st_name, 1));
    const size_t room = names.sh_size - symbol.st_name;
    span(names.sh_offset + symbol.st_name, room);
    const std::string text(name, strnlen(name, room));
    if (text.empty() || text[0] == '$') return;  // the linker's marks of code and data
    symbols.add(text, symbol.st_value, symbol.st_size, type == STT_FUNC);
  }

  const std::string& path_;
  const std::vector<uint8_t>& file_;
  Elf32_Ehdr header_;
};

}  // namespace

Image read_elf(const std::string& path, const std::vector<uint8_t>& file) {
  Image image;
  image.path = path;
  const Elf elf(path, file);
  elf.segments(image.segments);
  elf.symbols(image.symbols);
  std::sort(image.segments.begin(), image.segments.end(),
            [](const Segment& a, const Segment& b) { return a.address < b.address; });
  return image;
}

}  // namespace emulator
