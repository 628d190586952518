#pragma once
// Reads tar archives that arrive in slices: V7, ustar (POSIX.1-1988), pax (POSIX.1-2001), GNU with long names, sparse
// files (old GNU, pax 0.0, 0.1, 1.0) and base-256 numbers, star's xattrs.
// Not supported, refused by name: GNU multi-volume and incremental archives' own member types.
//
//   TarReader tar;
//   for (;;) {
//     switch (TRY(tar.next())) {
//       case TarEvent::need_input: tar.feed(slice) or tar.finish_input(); break;
//       case TarEvent::entry:      use tar.entry(); break;
//       case TarEvent::data:       tar.data(): the next bytes of the file; break;
//       case TarEvent::hole:       tar.hole_size(): so many zero bytes come next; break;
//       case TarEvent::entry_end:  break;
//       case TarEvent::end:        return;
//     }
//   }

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "archive/tar_entry.h"
#include "base/result.h"

namespace drydock::archive {

enum class TarEvent { need_input, entry, data, hole, entry_end, end };

class TarReader {
 public:
  /// Hands in the next slice. Only after next() said need_input; `bytes` must live until it says so again.
  void feed(std::string_view bytes);
  /// Says that nothing more comes. An archive may end without the two zero blocks, but not inside a member.
  void finish_input() { input_finished_ = true; }

  /// Each regular file gives entry, then data and holes that cover exactly entry().size bytes, then entry_end; any
  /// other member gives entry and entry_end. After `end`, which repeats, whatever follows in the archive is not looked
  /// at. Errors are final: corrupt ("archive/tar: invalid tar header", "unexpected EOF"), too_large, not_implemented.
  Result<TarEvent> next();

  /// Valid from `entry` to `entry_end`.
  const TarEntry& entry() const { return entry_; }
  /// A part of the slice fed last, so that whoever keeps all but these parts has the headers.
  std::string_view data() const { return data_; }
  std::uint64_t hole_size() const { return hole_size_; }

 private:
  enum class State {
    header,
    long_name,
    long_link,
    pax,
    global_pax,
    sparse_block,
    sparse_map,
    announce,
    body,
    padding,
    ended
  };
  struct Fragment {
    std::uint64_t offset;
    std::uint64_t size;
  };

  bool fill_block();
  Result<bool> step();
  Result<void> read_header();
  Result<void> begin_metadata(State state, std::uint64_t size);
  Result<bool> collect_metadata();
  Result<void> use_metadata(State state, std::string bytes);
  Result<void> begin_member(char type_flag, std::uint64_t stored_size);
  Result<void> apply_pax();
  Result<void> begin_sparse();
  Result<void> begin_old_sparse();
  Result<void> read_old_fragments(std::size_t offset, std::size_t count);
  Result<bool> read_sparse_map();
  Result<void> finish_sparse();
  TarEvent next_of_body();

  std::string_view input_;
  bool input_finished_ = false;
  State state_ = State::header;
  TarEvent event_ = TarEvent::need_input;

  std::array<char, kTarBlockBytes> block_{};
  std::size_t block_size_ = 0;
  std::size_t zero_blocks_ = 0;

  std::string metadata_;             // of a long name or pax header being collected
  std::uint64_t metadata_left_ = 0;  // of its bytes
  std::size_t headers_before_entry_ = 0;
  std::string long_name_;
  std::string long_link_;
  std::map<std::string, std::string> global_pax_;
  std::map<std::string, std::string> pax_;

  TarEntry entry_;
  std::string_view data_;
  std::uint64_t hole_size_ = 0;
  std::uint64_t stored_left_ = 0;   // bytes of the member still in the archive
  std::uint64_t padding_left_ = 0;  // up to the next block
  std::uint64_t position_ = 0;      // in the file

  std::vector<Fragment> fragments_;
  std::vector<Fragment> pax_fragments_;  // of GNU.sparse 0.0, whose keys repeat
  std::size_t fragment_at_ = 0;
  std::uint64_t map_numbers_left_ = 0;
  bool map_counted_ = false;
  std::string map_number_;
};

}  // namespace drydock::archive
