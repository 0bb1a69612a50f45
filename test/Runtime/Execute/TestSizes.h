/* Sizes that the test kernels compute with: shared by kernels and plans. Of the bigram model: */
#ifndef GPTC_TEST_RUNTIME_EXECUTE_TESTSIZES_H
#define GPTC_TEST_RUNTIME_EXECUTE_TESTSIZES_H

enum {
  batchRows = 2,    /* B */
  sequenceSize = 4, /* T */
  positions = 8,    /* B T */
  vocabulary = 5,   /* V */
  tableStride = 8,  /* floats from row to row of the table: padded */
  logitsStride = 7  /* of the logits */
};

/* Of products with an epilogue: */
enum { epilogueColumns = 5, epilogueStride = 7 };

/* Of a tile of a generated product: */
enum { tileRows = 2, tileLanes = 4 };

#endif
