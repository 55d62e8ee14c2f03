// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Utf8
/// @notice Tells whether bytes are well-formed UTF-8 (RFC 3629, table 3-7 of the Unicode Standard).
/// @dev A text that decodes in one way only is read alike by every painter, so its hash stands for one text.
library Utf8 {
    /// @notice True when `text` is well formed: no stray continuation, overlong form, surrogate or code point
    /// above U+10FFFF, and not cut short.
    function isWellFormed(bytes memory text) internal pure returns (bool) {
        uint256 length = text.length;
        uint256 i = 0;
        while (i < length) {
            uint8 lead = uint8(text[i]);
            if (lead < 0x80) {
                ++i;
                continue;
            }
            uint256 following;
            // The bounds of the second byte rule out overlong forms, surrogates and what is above U+10FFFF.
            uint8 low = 0x80;
            uint8 high = 0xBF;
            if (lead >= 0xC2 && lead <= 0xDF) {
                following = 1;
            } else if (lead >= 0xE0 && lead <= 0xEF) {
                following = 2;
                if (lead == 0xE0) low = 0xA0;
                else if (lead == 0xED) high = 0x9F;
            } else if (lead >= 0xF0 && lead <= 0xF4) {
                following = 3;
                if (lead == 0xF0) low = 0x90;
                else if (lead == 0xF4) high = 0x8F;
            } else {
                return false;
            }
            if (i + following >= length) return false;
            uint8 second = uint8(text[i + 1]);
            if (second < low || second > high) return false;
            for (uint256 j = 2; j <= following; ++j) {
                if (uint8(text[i + j]) & 0xC0 != 0x80) return false;
            }
            i += following + 1;
        }
        return true;
    }
}
