// Trees of many kinds; what they hold follows from the numbers of entry and item. Compiled by write_with_root.py.
#include <TFile.h>
#include <TTree.h>

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

struct Packed {
   Double32_t whole;
   Double32_t ranged;      //[-10,10,16]
   Double32_t bits;        //[0,0,10]
   Double32_t fine;        //[0,100]
   Float16_t half;
   Float16_t halfRanged;   //[-1,1,12]
   float plain;
};

// Ranges as ROOT's own parser takes them.
struct Ranges {
   Double32_t pi;          //[-pi,pi,14]
   Double32_t halfPi;      //an angle [ -PI/2 , 2*pi ]
   Double32_t exponent;    //[-1e1,1.5E1,20]
   Double32_t fourteen;    //[0,0,14]
   Double32_t fifteen;     //[0,0,15]
   Double32_t sixteen;     //[0,0,16]
   Double32_t zeros;       //[0,0]
   Double32_t backwards;   //[5,-5]
   Double32_t upsideDown;  //[0.5,-5,17]
   Double32_t tooMany;     //[-10,10,40]
   Double32_t tooFew;      //[-10,10,1]
   Double32_t array[2];    //[-10,10,16]
   Double32_t words;       //in brackets [GeV, as it were]
   Float16_t halfPlain;    //[0,0,20]
   Float16_t halfTen;      //[0,0,10]
   Float16_t halfBackwards;  //[7,-5]
   Float16_t halfWide;     //[-10,10]
};

struct Point {
   int id;
   float x[3];
   bool ok;
   std::string label;
   std::vector<short> tags;
};

template <class T> T number(long entry, long item) { return T((entry * 37 + item * 11) % 101) - T(std::is_unsigned_v<T> ? 0 : 50); }

void fill_flat(const char* path, int entries, int compression, bool flush) {
   TFile file(path, "RECREATE", "", compression);
   TTree tree("CollectionTree", "leaves");
   if (!flush) tree.SetAutoFlush(0);
   tree.SetAutoSave(0);
   Char_t b; UChar_t B; Short_t s; UShort_t S; Int_t i; UInt_t I; Long64_t l; ULong64_t L; Long_t g; ULong_t G;
   Float_t f; Double_t d; Bool_t o; char text[40]; Float_t f3[3]; Int_t i23[2][3];
   Int_t n; Float_t fn[20]; Double_t dn2[20][2]; Bool_t on[20]; UShort_t sn[20];
   Double32_t d32, d32r, d32n[20]; Float16_t f16, f16r, f16b, f16n[20];
   Double32_t d32p, d32b, d32m[2][3]; Float16_t f16p;
   tree.Branch("b", &b, "b/B"); tree.Branch("B", &B, "B/b"); tree.Branch("s", &s, "s/S"); tree.Branch("S", &S, "S/s");
   tree.Branch("i", &i, "i/I"); tree.Branch("I", &I, "I/i"); tree.Branch("l", &l, "l/L"); tree.Branch("L", &L, "L/l");
   tree.Branch("g", &g, "g/G"); tree.Branch("G", &G, "G/g"); tree.Branch("f", &f, "f/F"); tree.Branch("d", &d, "d/D");
   tree.Branch("o", &o, "o/O"); tree.Branch("text", text, "text/C");
   tree.Branch("f3", f3, "f3[3]/F"); tree.Branch("i23", i23, "i23[2][3]/I");
   tree.Branch("n", &n, "n/I"); tree.Branch("fn", fn, "fn[n]/F"); tree.Branch("dn2", dn2, "dn2[n][2]/D");
   tree.Branch("on", on, "on[n]/O"); tree.Branch("sn", sn, "sn[n]/s");
   tree.Branch("d32", &d32, "d32/d"); tree.Branch("d32r", &d32r, "d32r/d[-50,51,20]"); tree.Branch("d32n", d32n, "d32n[n]/d[-100,100,12]");
   tree.Branch("f16", &f16, "f16/f"); tree.Branch("f16r", &f16r, "f16r/f[-50,51,14]"); tree.Branch("f16b", &f16b, "f16b/f[0,0,7]");
   tree.Branch("f16n", f16n, "f16n[n]/f");
   tree.Branch("d32p", &d32p, "d32p/d[-2*pi,pi/4,14]"); tree.Branch("d32b", &d32b, "d32b/d[0,0,16]");
   tree.Branch("d32m", d32m, "d32m[2][3]/d[-60,60,16]"); tree.Branch("f16p", &f16p, "f16p/f[-twopi,2pi]");
   for (long e = 0; e < entries; ++e) {
      b = number<int>(e, 0); B = number<UChar_t>(e, 1); s = number<Short_t>(e, 2) * 300; S = number<UShort_t>(e, 3) * 600;
      i = number<Int_t>(e, 4) * 40000000; I = number<UInt_t>(e, 5) * 40000000u; l = number<Long64_t>(e, 6) * 90000000000000000;
      L = number<ULong64_t>(e, 7) * 180000000000000000ull; g = number<Long64_t>(e, 8); G = number<ULong64_t>(e, 9);
      f = number<Float_t>(e, 10) / 8; d = number<Double_t>(e, 11) / 7; o = e % 3 == 0;
      std::string t(e % 7 * 5, char('a' + e % 26)); strcpy(text, t.c_str());
      for (int k = 0; k < 3; ++k) { f3[k] = number<Float_t>(e, k); for (int j = 0; j < 2; ++j) i23[j][k] = number<Int_t>(e, 3 * j + k); }
      n = (e * 5) % 13;
      for (int k = 0; k < n; ++k) {
         fn[k] = number<Float_t>(e, k); dn2[k][0] = number<Double_t>(e, k); dn2[k][1] = k; on[k] = (e + k) % 2; sn[k] = number<UShort_t>(e, k);
         d32n[k] = number<Double_t>(e, k); f16n[k] = number<Float_t>(e, k);
      }
      d32 = number<Double_t>(e, 12) / 8; d32r = number<Double_t>(e, 13) / 8;
      f16 = number<Float_t>(e, 14) / 8; f16r = number<Float_t>(e, 15) / 8; f16b = number<Float_t>(e, 16) / 8;
      d32p = number<Double_t>(e, 17) / 32; d32b = number<Double_t>(e, 18) / 8; f16p = number<Float_t>(e, 19) / 32;
      for (int k = 0; k < 6; ++k) d32m[k / 3][k % 3] = number<Double_t>(e, k);
      tree.Fill();
      if (flush && e % 25 == 24) tree.FlushBaskets();
   }
   if (flush) tree.Write(); else tree.AutoSave();  // without flushing: the baskets stand in the tree object
}

void fill_objects(const char* path, int entries, int compression, bool flush) {
   TFile file(path, "RECREATE", "", compression);
   TTree tree("CollectionTree", "objects");
   if (!flush) tree.SetAutoFlush(0); else tree.SetAutoFlush(20);
   std::string text; std::vector<bool> bools; std::vector<std::string> texts; std::set<int> numbers;
   std::vector<float> floats; std::vector<std::vector<double>> nested; std::vector<std::vector<std::vector<int>>> deep;
   std::vector<std::set<short>> sets; std::vector<std::vector<std::string>> words; std::vector<char> chars;
   std::vector<unsigned long long> large; std::vector<Double32_t> narrow; std::map<int, float> table; std::vector<std::pair<int, float>> pairs;
   Packed packed; Ranges ranges; std::vector<Packed> packs; Point point; std::vector<Point> points;
   tree.Branch("text", &text); tree.Branch("bools", &bools); tree.Branch("texts", &texts); tree.Branch("numbers", &numbers);
   tree.Branch("floats", &floats); tree.Branch("nested", &nested); tree.Branch("deep", &deep); tree.Branch("sets", &sets);
   tree.Branch("words", &words); tree.Branch("chars", &chars); tree.Branch("large", &large); tree.Branch("narrow", &narrow);
   tree.Branch("table", &table); tree.Branch("pairs", &pairs);
   tree.Branch("packed.", &packed); tree.Branch("ranges.", &ranges); tree.Branch("packs", &packs); tree.Branch("point.", &point); tree.Branch("points", &points);
   tree.Branch("whole", &point, 32000, 0);
   for (long e = 0; e < entries; ++e) {
      int n = (e * 5) % 7;
      text = std::string(e % 4 == 3 ? 300 : e % 5, char('a' + e % 26));
      bools.clear(); texts.clear(); numbers.clear(); floats.clear(); nested.clear(); deep.clear(); sets.clear(); words.clear();
      chars.clear(); large.clear(); narrow.clear(); table.clear(); pairs.clear(); packs.clear(); points.clear();
      auto pack = [&](int k) {
         double v = number<double>(e, k) / 8;
         return Packed{v, v, v, v + 50, float(v), float(v / 50), float(v)};
      };
      auto make_point = [&](int k) {
         Point p{int(e) + k, {number<float>(e, k), float(k), 0.5f}, (e + k) % 2 == 0, std::string(k, 'p'), {}};
         for (int j = 0; j < k; ++j) p.tags.push_back(short(e - j));
         return p;
      };
      for (int k = 0; k < n; ++k) {
         bools.push_back((e + k) % 2); texts.push_back(std::string(k * 60, 'x')); numbers.insert(number<int>(e, k));
         floats.push_back(number<float>(e, k)); chars.push_back(char(number<int>(e, k))); large.push_back(1ull << (e + k) % 64);
         narrow.push_back(number<double>(e, k) / 8); table[k] = k + 0.5f; pairs.emplace_back(k, k + 0.25f);
         std::vector<double> row; std::vector<std::vector<int>> plane; std::set<short> some; std::vector<std::string> line;
         for (int j = 0; j < k % 4; ++j) {
            row.push_back(number<double>(k, j)); some.insert(short(j)); line.push_back(std::string(j, 'w'));
            plane.push_back(std::vector<int>(j, int(e)));
         }
         nested.push_back(row); deep.push_back(plane); sets.push_back(some); words.push_back(line);
         packs.push_back(pack(k)); points.push_back(make_point(k));
      }
      double r = number<double>(e, 21) / 32;
      ranges = {r, r, r, r, r, r, r, r, r, r, r, {r, -r}, r, float(r), float(r), float(r), float(r)};
      packed = pack(20); point = make_point(e % 3);
      tree.Fill();
   }
   if (flush) tree.Write(); else tree.AutoSave();
}

// A basket of more than 16 MB, which ROOT compresses in several blocks.
void fill_large(const char* path, int compression) {
   TFile file(path, "RECREATE", "", compression);
   TTree tree("CollectionTree", "large");
   tree.SetAutoFlush(0); tree.SetAutoSave(0);
   std::vector<double> values; int entry;
   tree.Branch("values", &values, 64000000); tree.Branch("entry", &entry);
   for (entry = 0; entry < 50; ++entry) {
      values.assign(50000, entry);
      tree.Fill();
   }
   tree.FlushBaskets();
   tree.Write();
}

#ifdef __CLING__
#pragma link C++ class Packed+;
#pragma link C++ class Ranges+;
#pragma link C++ class Point+;
#pragma link C++ class std::vector<Packed>+;
#pragma link C++ class std::vector<Point>+;
#pragma link C++ class std::vector<std::set<short>>+;
#pragma link C++ class std::vector<std::vector<std::string>>+;
#pragma link C++ class std::vector<std::vector<std::vector<int>>>+;
#pragma link C++ class std::map<int,float>+;
#pragma link C++ class std::vector<std::pair<int,float>>+;
#pragma link C++ class std::set<int>+;
#endif
