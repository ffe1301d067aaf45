// The header by which Arduino's tools find the library.
#pragma once
